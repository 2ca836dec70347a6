package dev.headwater.bundle;

import java.awt.image.Raster;

/**
 * Resizes images with antialiased bilinear interpolation, the default of Pillow and torchvision: a
 * triangle filter that widens when it shrinks. An image of the target size is unchanged.
 */
final class Resampler {
  private final Taps[] across;
  private final Taps[] down;

  /** The source pixels and weights of one target pixel along one axis. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Taps(int from, float[] weights) {
    int end() {
      return from + weights.length;
    }
  }

  /**
   * A target size and a crop of it, in pixels.
   *
   * @param width width before the crop, likewise {@code height}
   * @param left offset of the crop from the left, likewise {@code top}
   * @param columns width of the crop, likewise {@code rows} its height
   */
  record Target(int width, int height, int left, int top, int columns, int rows) {}

  Resampler(int width, int height, Target target) {
    across = taps(width, target.width(), target.left(), target.columns());
    down = taps(height, target.height(), target.top(), target.rows());
  }

  private static Taps[] taps(int size, int target, int skip, int count) {
    double scale = (double) size / target;
    double support = Math.max(1, scale);
    Taps[] all = new Taps[count];
    for (int i = 0; i < count; i++) {
      double centre = (skip + i + .5) * scale;
      int from = Math.max(0, (int) (centre - support + .5));
      int to = Math.min(size, (int) (centre + support + .5));
      double[] weights = new double[to - from];
      double sum = 0;
      for (int k = 0; k < weights.length; k++) {
        weights[k] = Math.max(0, 1 - Math.abs(from + k + .5 - centre) / support);
        sum += weights[k];
      }
      float[] normalized = new float[weights.length];
      for (int k = 0; k < normalized.length; k++) {
        normalized[k] = (float) (weights[k] / sum);
      }
      all[i] = new Taps(from, normalized);
    }
    return all;
  }

  /** Returns one resized channel, row by row, on the scale of the source samples. */
  float[] channel(Raster raster, int band) {
    int[] line = new int[raster.getWidth()];
    float[] row = new float[across.length];
    float[] pixels = new float[down.length * across.length];
    int first = 0;
    for (int y = 0; y < raster.getHeight(); y++) {
      while (first < down.length && down[first].end() <= y) {
        first++;
      }
      if (first < down.length && down[first].from() <= y) {
        raster.getSamples(0, y, line.length, 1, band, line);
        resampleRow(line, row);
      }
      // row by row, because the source can be much larger than the target
      for (int j = first; j < down.length && down[j].from() <= y; j++) {
        float weight = down[j].weights()[y - down[j].from()];
        for (int i = 0; i < row.length; i++) {
          pixels[j * row.length + i] += weight * row[i];
        }
      }
    }
    return pixels;
  }

  private void resampleRow(int[] line, float[] row) {
    for (int i = 0; i < row.length; i++) {
      float sum = 0;
      for (int k = 0; k < across[i].weights().length; k++) {
        sum += across[i].weights()[k] * line[across[i].from() + k];
      }
      row[i] = sum;
    }
  }
}

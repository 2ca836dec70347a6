package dev.headwater.adapt.fit;

import java.util.List;

/**
 * The pixel labels of a dense head.
 *
 * @param classes class of each pixel, per sample in row-major order; -1 excludes a pixel
 * @param weights weight of a pixel, by class
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record Pixels(List<byte[]> classes, double[] weights) {
  /**
   * Writes the weight of each pixel at the position of its class.
   *
   * @param target [classes, pixels] per sample, initially zeros
   * @return the sum of the weights
   */
  double fill(int sample, double weight, float[] target, int from, int count) {
    byte[] pixels = classes.get(sample);
    double sum = 0;
    for (int pixel = 0; pixel < pixels.length; pixel++) {
      int label = pixels[pixel];
      if (label >= 0 && label < count) {
        double pixelWeight = weight * weights[label];
        target[from + label * pixels.length + pixel] = (float) pixelWeight;
        sum += pixelWeight;
      }
    }
    return sum;
  }
}

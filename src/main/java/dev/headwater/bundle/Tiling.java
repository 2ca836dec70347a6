package dev.headwater.bundle;

import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.Split;
import java.util.Arrays;
import java.util.List;

/**
 * How a map of features is taken apart, so that a few of its places can travel and be learned from.
 * A tile answers for a block of pixels, the blocks side by side, and carries the features around
 * them that the head looks at: run alone, it gives those pixels the logits that the whole map
 * gives. At the map's edge the tile is moved inside, so that the head pads where it always does.
 *
 * @param channels of all the features together
 * @param side of a block, in pixels: 1 where the head looks at nothing around a pixel
 * @param border around a block that the head looks at
 */
public record Tiling(int channels, int height, int width, int side, int border) {
  /** Blocks of so many pixels a side lose a third of a tile to a border of two. */
  private static final int SIDE = 16;

  private static final byte OUTSIDE = -1;

  /**
   * @throws OnnxException where the head does not answer place by place, or features and logits
   *     differ in resolution
   */
  static Tiling of(Split split, List<long[]> shapes, int[] map) throws OnnxException {
    int channels = 0;
    for (long[] shape : shapes) {
      if (shape.length != 3 || shape[1] != map[0] || shape[2] != map[1]) {
        throw new OnnxException(
            "The features at %s are %s a record, the logits a map of %d x %d: a dense head is trained on features of the logits' resolution. Cut nearer the end."
                .formatted(split.features(), Arrays.toString(shape), map[0], map[1]));
      }
      channels = Math.addExact(channels, Math.toIntExact(shape[0]));
    }
    int border = split.reach();
    return new Tiling(channels, map[0], map[1], border == 0 ? 1 : SIDE, border);
  }

  public int tiles() {
    return rows() * columns();
  }

  private int rows() {
    return (height + side - 1) / side;
  }

  private int columns() {
    return (width + side - 1) / side;
  }

  /** Height of a tile, border included. */
  public int tileHeight() {
    return Math.min(height, side + 2 * border);
  }

  /** Width of a tile, border included. */
  public int tileWidth() {
    return Math.min(width, side + 2 * border);
  }

  /** Values of a tile's features. */
  public int size() {
    return channels * tileHeight() * tileWidth();
  }

  private int top(int tile) {
    int block = tile / columns() * side;
    return Math.max(0, Math.min(block - border, height - tileHeight()));
  }

  private int left(int tile) {
    int block = tile % columns() * side;
    return Math.max(0, Math.min(block - border, width - tileWidth()));
  }

  /** The features of one tile, channel by channel. */
  public void cut(float[] features, int tile, float[] target, int at) {
    int from = top(tile) * width + left(tile);
    int to = at;
    for (int channel = 0; channel < channels; channel++) {
      for (int y = 0; y < tileHeight(); y++) {
        int row = channel * height * width + from + y * width;
        System.arraycopy(features, row, target, to, tileWidth());
        to += tileWidth();
      }
    }
  }

  /** The classes of a tile's block, -1 in the border around it. */
  public byte[] cut(byte[] classes, int tile) {
    byte[] cut = new byte[tileHeight() * tileWidth()];
    Arrays.fill(cut, OUTSIDE);
    int blockTop = tile / columns() * side;
    int blockLeft = tile % columns() * side;
    int wide = Math.min(side, width - blockLeft);
    for (int y = blockTop; y < Math.min(blockTop + side, height); y++) {
      int at = (y - top(tile)) * tileWidth() + blockLeft - left(tile);
      System.arraycopy(classes, y * width + blockLeft, cut, at, wide);
    }
    return cut;
  }

  /** The mean of a number per pixel over the block of each tile. */
  public float[] means(float[] pixels) {
    float[] sums = new float[tiles()];
    int[] counts = new int[tiles()];
    for (int i = 0; i < pixels.length; i++) {
      int tile = i / width / side * columns() + i % width / side;
      sums[tile] += pixels[i];
      counts[tile]++;
    }
    for (int tile = 0; tile < sums.length; tile++) {
      sums[tile] /= counts[tile];
    }
    return sums;
  }

  /** One vector for a record: the mean of each channel. */
  public float[] summary(float[] features) {
    int pixels = height * width;
    float[] summary = new float[channels];
    for (int channel = 0; channel < channels; channel++) {
      double sum = 0;
      for (int i = channel * pixels; i < (channel + 1) * pixels; i++) {
        sum += features[i];
      }
      summary[channel] = (float) (sum / pixels);
    }
    return summary;
  }
}

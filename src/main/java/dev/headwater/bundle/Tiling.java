package dev.headwater.bundle;

import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.Split;
import java.util.Arrays;
import java.util.List;

/**
 * How a map of features is taken apart, so that a few of its places can travel and be learned from.
 * A tile answers for a block of places, the blocks side by side, and carries the features around
 * them that the head looks at: run alone, it gives those places the logits that the whole map
 * gives. At the map's edge the tile is moved inside, so that the head pads where it always does.
 *
 * @param channels of all the features together
 * @param height of the features' map, in places
 * @param side of a block, in places: 1 where the head looks at nothing around a place
 * @param border around a block that the head looks at
 * @param scale pixels of the answer to a place, across and down
 */
public record Tiling(int channels, int height, int width, int side, int border, int scale) {
  /** Blocks of so many places a side lose a third of a tile to a border of two. */
  private static final int SIDE = 16;

  /** Tiles that a sample holds at least: of many channels the blocks are smaller. */
  private static final int LEAST = 4;

  private static final byte OUTSIDE = -1;

  /** Of a head that answers at the resolution of its features. */
  public Tiling(int channels, int height, int width, int side, int border) {
    this(channels, height, width, side, border, 1);
  }

  /**
   * @param map height and width of the logits
   * @throws OnnxException where the head does not answer place by place, or the logits are not as
   *     fine as the features or finer by a whole factor
   */
  static Tiling of(Split split, List<long[]> shapes, int[] map) throws OnnxException {
    long[] first = shapes.get(0);
    int scale = first.length == 3 ? Math.toIntExact(map[0] / first[1]) : 0;
    int channels = 0;
    for (long[] shape : shapes) {
      if (shape.length != 3 || scale * shape[1] != map[0] || scale * shape[2] != map[1]) {
        throw new OnnxException(
            "The features at %s are %s a record, the logits a map of %d x %d: a dense head is trained on features of the logits' resolution, or coarser by a whole factor. Cut elsewhere."
                .formatted(split.features(), Arrays.toString(shape), map[0], map[1]));
      }
      channels = Math.addExact(channels, Math.toIntExact(shape[0]));
    }
    int border = split.reach();
    int height = map[0] / scale;
    Tiling tiling =
        new Tiling(channels, height, map[1] / scale, border == 0 ? 1 : SIDE, border, scale);
    while (tiling.side > 2 && TileDraw.room(tiling) < Math.min(LEAST, tiling.tiles())) {
      tiling = new Tiling(channels, height, tiling.width, tiling.side / 2, border, scale);
    }
    return tiling;
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

  /** Answers to a tile, those for its border included. */
  public int answers() {
    return tileHeight() * tileWidth() * scale * scale;
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

  /** The classes of the pixels of a tile's block, -1 in the border around it. */
  public byte[] cut(byte[] classes, int tile) {
    byte[] cut = new byte[answers()];
    Arrays.fill(cut, OUTSIDE);
    int blockTop = tile / columns() * side;
    int blockLeft = tile % columns() * side;
    int wide = scale * Math.min(side, width - blockLeft);
    for (int y = scale * blockTop; y < scale * Math.min(blockTop + side, height); y++) {
      int row = (y - scale * top(tile)) * scale * tileWidth();
      int from = y * scale * width + scale * blockLeft;
      System.arraycopy(classes, from, cut, row + scale * (blockLeft - left(tile)), wide);
    }
    return cut;
  }

  /** The mean of a number per pixel over the block of each tile. */
  public float[] means(float[] pixels) {
    float[] sums = new float[tiles()];
    int[] counts = new int[tiles()];
    int wide = scale * width;
    int block = scale * side;
    for (int i = 0; i < pixels.length; i++) {
      int tile = i / wide / block * columns() + i % wide / block;
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
    int places = height * width;
    float[] summary = new float[channels];
    for (int channel = 0; channel < channels; channel++) {
      double sum = 0;
      for (int i = channel * places; i < (channel + 1) * places; i++) {
        sum += features[i];
      }
      summary[channel] = (float) (sum / places);
    }
    return summary;
  }
}

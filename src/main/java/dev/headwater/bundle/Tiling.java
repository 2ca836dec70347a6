package dev.headwater.bundle;

import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.Split;
import java.util.Arrays;
import java.util.List;

/**
 * Splits a feature map into tiles, so that samples can carry a few tiles instead of the whole map.
 * The map is divided into adjacent blocks of positions. A tile is a block plus the border of
 * features in the head's receptive field. The head gives a block the same logits from its tile as
 * from the whole map. At the edge of the map a tile is shifted inside, so that padding is the same.
 *
 * @param channels total channels of all features
 * @param height height of the feature map, in positions
 * @param width width of the feature map, in positions
 * @param side side of a block, in positions; 1 if the receptive field is one position
 * @param border width of the border, in positions
 * @param scale output pixels per position, along each axis
 */
public record Tiling(int channels, int height, int width, int side, int border, int scale) {
  /** Default side of a block; with a border of two, the border is a third of the tile. */
  private static final int SIDE = 16;

  /** Minimum number of tiles per sample; with many channels, blocks are made smaller. */
  private static final int MIN_TILES = 4;

  private static final byte OUTSIDE = -1;

  /** Creates the tiling of a head whose output has the resolution of its features. */
  public Tiling(int channels, int height, int width, int side, int border) {
    this(channels, height, width, side, border, 1);
  }

  /**
   * Returns the tiling of a head.
   *
   * @param map height and width of the logits
   * @throws OnnxException if the head is not local, or the resolution of the logits is not that of
   *     the features times an integer
   */
  static Tiling of(Split split, List<long[]> shapes, int[] map) throws OnnxException {
    long[] first = shapes.get(0);
    int scale = first.length == 3 ? Math.toIntExact(map[0] / first[1]) : 0;
    int channels = 0;
    for (long[] shape : shapes) {
      if (shape.length != 3 || scale * shape[1] != map[0] || scale * shape[2] != map[1]) {
        throw new OnnxException(
            "The features at %s have shape %s per record, but the logits are a map of %d x %d: the resolution of the logits must be that of the features times an integer. Cut elsewhere."
                .formatted(split.features(), Arrays.toString(shape), map[0], map[1]));
      }
      channels = Math.addExact(channels, Math.toIntExact(shape[0]));
    }
    int border = split.reach();
    int height = map[0] / scale;
    Tiling tiling =
        new Tiling(channels, height, map[1] / scale, border == 0 ? 1 : SIDE, border, scale);
    while (tiling.side > 2 && TileSelection.room(tiling) < Math.min(MIN_TILES, tiling.tiles())) {
      tiling = new Tiling(channels, height, tiling.width, tiling.side / 2, border, scale);
    }
    return tiling;
  }

  /** Returns the number of tiles of the map. */
  public int tiles() {
    return rows() * columns();
  }

  private int rows() {
    return (height + side - 1) / side;
  }

  private int columns() {
    return (width + side - 1) / side;
  }

  /** Returns the height of a tile, border included, in positions. */
  public int tileHeight() {
    return Math.min(height, side + 2 * border);
  }

  /** Returns the width of a tile, border included, in positions. */
  public int tileWidth() {
    return Math.min(width, side + 2 * border);
  }

  /** Returns the number of feature values per tile. */
  public int size() {
    return channels * tileHeight() * tileWidth();
  }

  /** Returns the number of output pixels per tile, border included. */
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

  /** Copies the features of one tile to {@code target}, channel by channel. */
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

  /** Returns the classes of a tile's pixels, -1 in the border. */
  public byte[] cut(byte[] classes, int tile) {
    byte[] cut = new byte[answers()];
    Arrays.fill(cut, OUTSIDE);
    int blockTop = tile / columns() * side;
    int blockLeft = tile % columns() * side;
    int rowLength = scale * Math.min(side, width - blockLeft);
    for (int y = scale * blockTop; y < scale * Math.min(blockTop + side, height); y++) {
      int row = (y - scale * top(tile)) * scale * tileWidth();
      int from = y * scale * width + scale * blockLeft;
      System.arraycopy(classes, from, cut, row + scale * (blockLeft - left(tile)), rowLength);
    }
    return cut;
  }

  /** Returns the mean of per-pixel values over the block of each tile. */
  public float[] means(float[] pixels) {
    float[] sums = new float[tiles()];
    int[] counts = new int[tiles()];
    int rowLength = scale * width;
    int block = scale * side;
    for (int i = 0; i < pixels.length; i++) {
      int tile = i / rowLength / block * columns() + i % rowLength / block;
      sums[tile] += pixels[i];
      counts[tile]++;
    }
    for (int tile = 0; tile < sums.length; tile++) {
      sums[tile] /= counts[tile];
    }
    return sums;
  }

  /** Returns the mean of each channel, as one vector per record. */
  public float[] summary(float[] features) {
    int positions = height * width;
    float[] summary = new float[channels];
    for (int channel = 0; channel < channels; channel++) {
      double sum = 0;
      for (int i = channel * positions; i < (channel + 1) * positions; i++) {
        sum += features[i];
      }
      summary[channel] = (float) (sum / positions);
    }
    return summary;
  }
}

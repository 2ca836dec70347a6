package dev.headwater.bundle;

import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The tiles of one record that are kept for training. The least certain tiles make up a quarter,
 * the others are sampled uniformly. Each is weighted by 1 / inclusion probability (Horvitz and
 * Thompson 1952), so that a weighted mean estimates the mean over the map.
 *
 * @param tiles tile indices, in the order of their rows in a sample
 * @param weights weights, in the same order
 */
public record TileSelection(Tiling tiling, List<Integer> tiles, List<Float> weights) {
  /** Feature bytes per record; with its label, a sample stays below Kafka's default 1 MB limit. */
  private static final int BYTES = 640 << 10;

  private static final int MAX_TILES = 1024;

  public TileSelection {
    tiles = List.copyOf(tiles);
    weights = List.copyOf(weights);
  }

  /**
   * Selects tiles of a record.
   *
   * @param confidences confidence of each pixel; null without a head
   * @param seed the same seed selects the same tiles
   */
  public static TileSelection of(Tiling tiling, float @Nullable [] confidences, String seed) {
    int limit = most(tiling);
    List<Integer> rest = new ArrayList<>(IntStream.range(0, tiling.tiles()).boxed().toList());
    List<Integer> tiles = new ArrayList<>();
    List<Float> weights = new ArrayList<>();
    if (confidences != null && rest.size() > limit) {
      float[] means = tiling.means(confidences);
      rest.sort(Comparator.comparing(tile -> means[tile]));
      List<Integer> leastCertain = rest.subList(0, Math.max(1, limit / 4));
      leastCertain.forEach(
          tile -> {
            tiles.add(tile);
            weights.add(1f);
          });
      leastCertain.clear();
    }
    int sampled = Math.min(limit - tiles.size(), rest.size());
    Collections.shuffle(rest, new Random(seed.hashCode()));
    rest.subList(0, sampled)
        .forEach(
            tile -> {
              tiles.add(tile);
              weights.add((float) rest.size() / sampled);
            });
    return new TileSelection(tiling, tiles, weights);
  }

  /** Returns the maximum number of tiles per record. */
  public static int most(Tiling tiling) {
    return Math.min(tiling.tiles(), Math.max(2, Math.min(MAX_TILES, room(tiling))));
  }

  /** Returns the number of tiles that fit into a sample. */
  static int room(Tiling tiling) {
    return BYTES / (Float.BYTES * tiling.size());
  }

  /** Writes the features of the selected tiles to a sample. */
  public void write(Sample.Builder sample, float[] features) {
    sample
        .setRows(tiles.size())
        .setDim(tiling.size())
        .setFeatures(SampleSerde.pack(cut(features)))
        .setTiles(tiles)
        .setRowWeights(weights);
  }

  /** Returns the features of the selected tiles, concatenated. */
  public float[] cut(float[] features) {
    float[] cut = new float[tiles.size() * tiling.size()];
    for (int row = 0; row < tiles.size(); row++) {
      tiling.cut(features, tiles.get(row), cut, row * tiling.size());
    }
    return cut;
  }
}

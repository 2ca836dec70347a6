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
 * The tiles of one record that are learned from: a quarter the least certain, the rest drawn
 * uniformly from the others, each with 1 / its inclusion probability (Horvitz and Thompson 1952),
 * so that a weighted mean over them estimates the mean over the map.
 *
 * @param tiles by number, in the order of their rows in a sample
 */
public record TileDraw(Tiling tiling, List<Integer> tiles, List<Float> weights) {
  /** Of features a record: a sample with its label stays below a message's usual limit of 1 MB. */
  private static final int BYTES = 640 << 10;

  private static final int MOST = 1024;

  public TileDraw {
    tiles = List.copyOf(tiles);
    weights = List.copyOf(weights);
  }

  /**
   * @param certainties of each pixel; null where no head said anything
   * @param seed the same draws the same
   */
  public static TileDraw of(Tiling tiling, float @Nullable [] certainties, String seed) {
    int room = most(tiling);
    List<Integer> rest = new ArrayList<>(IntStream.range(0, tiling.tiles()).boxed().toList());
    List<Integer> tiles = new ArrayList<>();
    List<Float> weights = new ArrayList<>();
    if (certainties != null && rest.size() > room) {
      float[] means = tiling.means(certainties);
      rest.sort(Comparator.comparing(tile -> means[tile]));
      List<Integer> least = rest.subList(0, Math.max(1, room / 4));
      least.forEach(
          tile -> {
            tiles.add(tile);
            weights.add(1f);
          });
      least.clear();
    }
    int drawn = Math.min(room - tiles.size(), rest.size());
    Collections.shuffle(rest, new Random(seed.hashCode()));
    rest.subList(0, drawn)
        .forEach(
            tile -> {
              tiles.add(tile);
              weights.add((float) rest.size() / drawn);
            });
    return new TileDraw(tiling, tiles, weights);
  }

  /** Tiles of a record at most. */
  public static int most(Tiling tiling) {
    return Math.min(tiling.tiles(), Math.max(2, Math.min(MOST, room(tiling))));
  }

  /** How many would fit into a sample. */
  static int room(Tiling tiling) {
    return BYTES / (Float.BYTES * tiling.size());
  }

  /** Puts these tiles of a record's features into its sample. */
  public void write(Sample.Builder sample, float[] features) {
    sample
        .setRows(tiles.size())
        .setDim(tiling.size())
        .setFeatures(SampleSerde.pack(cut(features)))
        .setTiles(tiles)
        .setRowWeights(weights);
  }

  /** The features of these tiles, one after the other. */
  public float[] cut(float[] features) {
    float[] cut = new float[tiles.size() * tiling.size()];
    for (int row = 0; row < tiles.size(); row++) {
      tiling.cut(features, tiles.get(row), cut, row * tiling.size());
    }
    return cut;
  }
}

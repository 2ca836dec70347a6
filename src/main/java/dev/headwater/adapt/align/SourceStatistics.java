package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.schema.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * Where each class lies as seen from the origin: the mean direction of its features, and how many
 * samples that mean is worth. Directions and not positions, for a linear head without bias decides
 * by nothing else, and neither a sensor's gain nor a window's class proportions change them.
 *
 * <p>They come from the labelled samples a head was trained on ({@link #of(Batch, int)}) or, where
 * that left none, from the first unlabelled ones by way of the head's own answers; they travel with
 * a head as {@link #tensors}. The arrays are not copied: whoever makes one gives them away.
 *
 * @param directions [classes, dim], row-major; of unit length, or zeros for a class not seen
 * @param counts [classes] samples behind each direction, 0 for a class not seen
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record SourceStatistics(int classes, int dim, float[] directions, float[] counts) {
  private static final String DIRECTIONS = "source.directions";
  private static final String COUNTS = "source.counts";

  public SourceStatistics {
    if (directions.length != classes * dim || counts.length != classes) {
      throw new IllegalArgumentException(
          "%d classes on %d features have not %d numbers of directions and %d counts"
              .formatted(classes, dim, directions.length, counts.length));
    }
  }

  /** Nothing is known of any class. */
  public static SourceStatistics none(int classes, int dim) {
    return new SourceStatistics(classes, dim, new float[classes * dim], new float[classes]);
  }

  /** Of labelled samples. Each counts as one: weights set classes apart, and here each is alone. */
  public static SourceStatistics of(Batch labelled, int classes) {
    int dim = labelled.features().get(0).length;
    double[] sums = new double[classes * dim];
    double[] counts = new double[classes];
    for (int i = 0; i < labelled.size(); i++) {
      int c = labelled.classes()[i];
      double[] unit = Directions.unit(labelled.features().get(i));
      counts[c]++;
      for (int d = 0; d < dim; d++) {
        sums[c * dim + d] += unit[d];
      }
    }
    return of(classes, dim, sums, counts);
  }

  /**
   * @param sums of unit vectors by class, [classes, dim]
   */
  static SourceStatistics of(int classes, int dim, double[] sums, double[] counts) {
    float[] directions = new float[sums.length];
    float[] seen = new float[classes];
    for (int c = 0; c < classes; c++) {
      double[] unit = Directions.unit(Arrays.copyOfRange(sums, c * dim, (c + 1) * dim));
      for (int d = 0; d < dim; d++) {
        directions[c * dim + d] = (float) unit[d];
      }
      seen[c] = (float) counts[c];
    }
    return new SourceStatistics(classes, dim, directions, seen);
  }

  /** Whether any class has been seen. */
  boolean known() {
    for (float count : counts) {
      if (count > 0) {
        return true;
      }
    }
    return false;
  }

  /** Those that came with a head; empty where none did. */
  public static Optional<SourceStatistics> of(Map<String, Tensor> tensors) {
    Tensor directions = tensors.get(DIRECTIONS);
    Tensor counts = tensors.get(COUNTS);
    if (directions == null || counts == null) {
      return Optional.empty();
    }
    if (directions.shape().length != 2) {
      throw new IllegalArgumentException(DIRECTIONS + " must be [classes, dim], got " + directions);
    }
    return Optional.of(
        new SourceStatistics(
            Math.toIntExact(directions.shape()[0]),
            Math.toIntExact(directions.shape()[1]),
            directions.values().clone(),
            counts.values().clone()));
  }

  /** By the names they have in a head's file. */
  public Map<String, Tensor> tensors() {
    return Map.of(
        DIRECTIONS, new Tensor(new long[] {classes, dim}, directions.clone()),
        COUNTS, new Tensor(new long[] {classes}, counts.clone()));
  }
}

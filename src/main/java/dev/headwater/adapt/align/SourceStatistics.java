package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.schema.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is known of the features a head was made for. Where each class lies as seen from the origin:
 * the mean direction of its features, and how many samples that mean is worth. Directions and not
 * positions, for a linear head without bias decides by nothing else, and neither a sensor's gain
 * nor a window's class proportions change them.
 *
 * <p>They come from the labelled samples a head was trained on ({@link #of(Batch, int)}) or, where
 * that left none, from the first unlabelled ones by way of the head's own answers; they travel with
 * a head as {@link #tensors}. The arrays are not copied: whoever makes one gives them away.
 *
 * @param directions [classes, dim], row-major; of unit length, or zeros for a class not seen
 * @param counts [classes] samples behind each direction, 0 for a class not seen
 * @param mixture null where it is not known
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record SourceStatistics(
    int classes, int dim, float[] directions, float[] counts, @Nullable Mixture mixture) {
  private static final String DIRECTIONS = "source.directions";
  private static final String COUNTS = "source.counts";
  private static final String SHARES = "source.shares";
  private static final String MEANS = "source.means";
  private static final String SPREAD = "source.spread";

  public SourceStatistics {
    if (directions.length != classes * dim || counts.length != classes) {
      throw new IllegalArgumentException(
          "%d classes on %d features have not %d numbers of directions and %d counts"
              .formatted(classes, dim, directions.length, counts.length));
    }
    if (mixture != null && (mixture.classes() != classes || mixture.dim() != dim)) {
      throw new IllegalArgumentException(
          "a mixture of %d classes on %d features is none of %d on %d"
              .formatted(mixture.classes(), mixture.dim(), classes, dim));
    }
  }

  /** Nothing is known of any class. */
  public static SourceStatistics none(int classes, int dim) {
    return new SourceStatistics(classes, dim, new float[classes * dim], new float[classes], null);
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
    return new SourceStatistics(classes, dim, directions, seen, null);
  }

  /** This, and how the classes lay together; null where that is not known. */
  public SourceStatistics with(@Nullable Mixture found) {
    return new SourceStatistics(classes, dim, directions, counts, found);
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
    Tensor shares = tensors.get(SHARES);
    Tensor means = tensors.get(MEANS);
    Tensor spread = tensors.get(SPREAD);
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
            counts.values().clone(),
            mixture(directions.shape(), shares, means, spread)));
  }

  /** Null where it is not there, or of other classes: a version that does not know it cut it. */
  private static @Nullable Mixture mixture(
      long[] shape, @Nullable Tensor shares, @Nullable Tensor means, @Nullable Tensor spread) {
    return shares != null
            && means != null
            && spread != null
            && shares.values().length == shape[0]
            && means.values().length == shape[0] * shape[1]
            && spread.values().length == shape[1]
        ? new Mixture(shares.values().clone(), means.values().clone(), spread.values().clone())
        : null;
  }

  /** By the names they have in a head's file. */
  public Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(DIRECTIONS, new Tensor(new long[] {classes, dim}, directions.clone()));
    tensors.put(COUNTS, new Tensor(new long[] {classes}, counts.clone()));
    if (mixture != null) {
      tensors.put(SHARES, new Tensor(new long[] {classes}, mixture.shares().clone()));
      tensors.put(MEANS, new Tensor(new long[] {classes, dim}, mixture.means().clone()));
      tensors.put(SPREAD, new Tensor(new long[] {dim}, mixture.spread().clone()));
    }
    return tensors;
  }

  /** Of these classes only, in this order; how they lie together is not known of fewer. */
  public SourceStatistics kept(List<Integer> rows) {
    return new SourceStatistics(
        rows.size(),
        dim,
        kept(directions, dim, rows),
        kept(counts, 1, rows),
        rows.size() == classes ? mixture : null);
  }

  private static float[] kept(float[] values, int width, List<Integer> rows) {
    float[] kept = new float[rows.size() * width];
    for (int r = 0; r < rows.size(); r++) {
      System.arraycopy(values, rows.get(r) * width, kept, r * width, width);
    }
    return kept;
  }
}

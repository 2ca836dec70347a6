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
 * Statistics of the feature distribution that a head was trained on: the mean direction of each
 * class's features and its effective sample count.
 *
 * <p>Directions are used instead of positions: a linear head without bias depends on them only.
 * Neither a sensor's gain nor a window's class proportions change them.
 *
 * <p>The statistics come from a head's labelled training samples ({@link #of(Batch, int)}). Without
 * those, they come from the first unlabelled samples and the head's own predictions. They are
 * stored with a head as {@link #tensors}. The arrays are not copied; the caller must not modify
 * them afterwards.
 *
 * @param directions [classes, dim], row-major; unit vectors, or zeros for a class without samples
 * @param counts [classes] effective samples of each direction, 0 for a class without samples
 * @param mixture null if unknown
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
          "statistics of %d classes and %d features cannot have %d direction values and %d counts"
              .formatted(classes, dim, directions.length, counts.length));
    }
    if (mixture != null && (mixture.classes() != classes || mixture.dim() != dim)) {
      throw new IllegalArgumentException(
          "mixture of %d classes and %d features does not match %d classes and %d features"
              .formatted(mixture.classes(), mixture.dim(), classes, dim));
    }
  }

  /** Returns statistics without information about any class. */
  public static SourceStatistics none(int classes, int dim) {
    return new SourceStatistics(classes, dim, new float[classes * dim], new float[classes], null);
  }

  /**
   * Computes the statistics of labelled samples. Sample weights are ignored: they balance classes,
   * and the statistics are per class.
   */
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
   * @param sums [classes, dim] sums of unit vectors by class
   */
  static SourceStatistics of(int classes, int dim, double[] sums, double[] counts) {
    float[] directions = new float[sums.length];
    float[] effectiveCounts = new float[classes];
    for (int c = 0; c < classes; c++) {
      double[] unit = Directions.unit(Arrays.copyOfRange(sums, c * dim, (c + 1) * dim));
      for (int d = 0; d < dim; d++) {
        directions[c * dim + d] = (float) unit[d];
      }
      effectiveCounts[c] = (float) counts[c];
    }
    return new SourceStatistics(classes, dim, directions, effectiveCounts, null);
  }

  /** Returns these statistics with another mixture; null if unknown. */
  public SourceStatistics with(@Nullable Mixture newMixture) {
    return new SourceStatistics(classes, dim, directions, counts, newMixture);
  }

  /** Returns whether any class has samples. */
  boolean known() {
    for (float count : counts) {
      if (count > 0) {
        return true;
      }
    }
    return false;
  }

  /** Reads the statistics from a head's tensors; empty if there are none. */
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

  /**
   * Reads the mixture; null if it is absent or of other classes. Versions that do not know the
   * mixture select class rows without updating it.
   */
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

  /** Returns the tensors by their names in a head's safetensors file. */
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

  /** Selects classes, in this order. The mixture is kept only if no class is dropped. */
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

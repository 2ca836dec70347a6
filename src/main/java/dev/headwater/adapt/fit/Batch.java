package dev.headwater.adapt.fit;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Samples to fit, all of one feature space.
 *
 * @param features one vector a sample
 * @param classes output index of each sample's label
 * @param weights how much each sample counts; 0 leaves it out
 * @param pixels where each place has a class of its own, in place of {@code classes}
 * @param targets where a sample has no one class, likewise
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record Batch(
    List<float[]> features,
    int[] classes,
    double[] weights,
    @Nullable Pixels pixels,
    @Nullable Targets targets) {
  public Batch(List<float[]> features, int[] classes, double[] weights) {
    this(features, classes, weights, null, null);
  }

  public Batch(List<float[]> features, int[] classes, double[] weights, @Nullable Pixels pixels) {
    this(features, classes, weights, pixels, null);
  }

  public Batch(List<float[]> features, double[] weights, Targets targets) {
    this(features, new int[weights.length], weights, null, targets);
  }

  public Batch {
    if (features.isEmpty()
        || features.size() != classes.length
        || features.size() != weights.length) {
      throw new IllegalArgumentException(
          "%d features, %d classes and %d weights make no batch"
              .formatted(features.size(), classes.length, weights.length));
    }
  }

  public int size() {
    return classes.length;
  }

  public Batch weighted(double[] newWeights) {
    return new Batch(features, classes, newWeights, pixels, targets);
  }
}

package dev.headwater.adapt.fit;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The training samples of one fit. All features come from one feature space.
 *
 * @param features one vector per sample
 * @param classes output index of each sample's label
 * @param weights weight of each sample in the loss; 0 excludes it
 * @param pixels per-pixel classes of a dense head, used instead of {@code classes}
 * @param targets target vectors of samples without a single class, used instead of {@code classes}
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
          ("a batch needs equal, non-zero numbers of features, classes and weights: "
                  + "got %d, %d and %d")
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

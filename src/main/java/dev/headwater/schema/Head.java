package dev.headwater.schema;

import java.util.Map;

/**
 * A head version with its weights.
 *
 * @param tensors by name of the head graph input that they feed
 * @param goldenFeatures [n, ...] inputs that every follower runs before the head may serve
 * @param goldenLogits [n, classes] the logits that the trainer computed for them
 * @param source statistics of the features it was trained on, by names with the prefix {@code
 *     source.}; not used to serve, only to adapt the head without labels
 */
public record Head(
    HeadInfo info,
    Map<String, Tensor> tensors,
    Tensor goldenFeatures,
    Tensor goldenLogits,
    Map<String, Tensor> source) {

  /** Name prefix of the tensors in {@link #source}. */
  public static final String SOURCE = "source.";

  public Head(
      HeadInfo info, Map<String, Tensor> tensors, Tensor goldenFeatures, Tensor goldenLogits) {
    this(info, tensors, goldenFeatures, goldenLogits, Map.of());
  }

  /** Returns the same head under another version number. */
  public Head numbered(long version) {
    return with(info.numbered(version));
  }

  /** Returns the same weights with other metadata. */
  public Head with(HeadInfo other) {
    return new Head(other, tensors, goldenFeatures, goldenLogits, source);
  }

  /** Returns the same head with other source statistics. */
  public Head withSource(Map<String, Tensor> other) {
    return new Head(info, tensors, goldenFeatures, goldenLogits, other);
  }
}

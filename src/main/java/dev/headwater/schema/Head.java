package dev.headwater.schema;

import java.util.Map;

/**
 * A head version with its weights.
 *
 * @param tensors by the name of the head graph's input they are fed to
 * @param goldenFeatures [n, ...] features every follower recomputes before it lets the head serve
 * @param goldenLogits [n, classes] what the trainer got for them
 * @param source what is known of the features it was trained on, by names that begin with {@code
 *     source.}; nothing serves from it, it travels for those who adapt the head without labels
 */
public record Head(
    HeadInfo info,
    Map<String, Tensor> tensors,
    Tensor goldenFeatures,
    Tensor goldenLogits,
    Map<String, Tensor> source) {

  /** What the names in {@link #source} begin with. */
  public static final String SOURCE = "source.";

  public Head(
      HeadInfo info, Map<String, Tensor> tensors, Tensor goldenFeatures, Tensor goldenLogits) {
    this(info, tensors, goldenFeatures, goldenLogits, Map.of());
  }

  /** The same head as another version. */
  public Head numbered(long version) {
    return with(info.numbered(version));
  }

  /** The same weights, of which something else is said. */
  public Head with(HeadInfo other) {
    return new Head(other, tensors, goldenFeatures, goldenLogits, source);
  }

  /** The same head, of whose samples something else is known. */
  public Head withSource(Map<String, Tensor> other) {
    return new Head(info, tensors, goldenFeatures, goldenLogits, other);
  }
}

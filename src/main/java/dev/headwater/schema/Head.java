package dev.headwater.schema;

import java.util.Map;

/**
 * A head version with its weights.
 *
 * @param tensors by the name of the head graph's input they are fed to
 * @param goldenFeatures [n, ...] features every follower recomputes before it lets the head serve
 * @param goldenLogits [n, classes] what the trainer got for them
 */
public record Head(
    HeadInfo info, Map<String, Tensor> tensors, Tensor goldenFeatures, Tensor goldenLogits) {}

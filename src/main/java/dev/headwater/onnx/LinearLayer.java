package dev.headwater.onnx;

import org.jspecify.annotations.Nullable;

/**
 * A head that is one linear layer: logits = features · weight + bias, nothing else to train.
 *
 * @param weight parameter of shape [classes, dim] if {@code classesFirst}, else [dim, classes]; of
 *     a 1×1 convolution [classes, dim, 1, ...]
 * @param bias parameter of shape [classes], or null where the layer has none
 */
public record LinearLayer(String weight, @Nullable String bias, boolean classesFirst) {}

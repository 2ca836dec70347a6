package dev.headwater.onnx;

import org.jspecify.annotations.Nullable;

/**
 * A head with one trainable layer: logits = features · weight + bias.
 *
 * @param weight name of the parameter of shape [classes, dim] if {@code classesFirst}, otherwise
 *     [dim, classes]; of a 1×1 convolution [classes, dim, 1, ...]
 * @param bias name of the parameter of shape [classes]; null if the layer has no bias
 */
public record LinearLayer(String weight, @Nullable String bias, boolean classesFirst) {}

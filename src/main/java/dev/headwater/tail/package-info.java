/**
 * Rebuilds an ONNX head graph as a differentiable PyTorch function, so that it can be fine-tuned.
 */
@NullMarked
package dev.headwater.tail;

import org.jspecify.annotations.NullMarked;

/** Rebuilds an ONNX head graph as a differentiable PyTorch function for fine-tuning. */
@NullMarked
package dev.headwater.tail;

import org.jspecify.annotations.NullMarked;

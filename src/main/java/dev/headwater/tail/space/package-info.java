/** Implements the spatial ONNX operators: convolution, pooling, resizing and padding. */
@NullMarked
package dev.headwater.tail.space;

import org.jspecify.annotations.NullMarked;

/** What ONNX operators do in space: convolution, pooling, resizing, padding. */
@NullMarked
package dev.headwater.tail.space;

import org.jspecify.annotations.NullMarked;

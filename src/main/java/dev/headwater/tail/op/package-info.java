/** What ONNX operators do to whole tensors: arithmetic, layers, normalisation, shapes. */
@NullMarked
package dev.headwater.tail.op;

import org.jspecify.annotations.NullMarked;

/** Implements ONNX operators on whole tensors: arithmetic, indexing, reductions and shapes. */
@NullMarked
package dev.headwater.tail.op;

import org.jspecify.annotations.NullMarked;

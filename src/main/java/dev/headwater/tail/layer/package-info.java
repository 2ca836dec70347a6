/** What ONNX operators that are whole layers compute. */
@NullMarked
package dev.headwater.tail.layer;

import org.jspecify.annotations.NullMarked;

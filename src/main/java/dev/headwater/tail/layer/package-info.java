/** Implements the ONNX operators that are complete layers: attention, recurrence, normalisation. */
@NullMarked
package dev.headwater.tail.layer;

import org.jspecify.annotations.NullMarked;

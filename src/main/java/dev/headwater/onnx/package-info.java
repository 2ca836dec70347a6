/** Reads an ONNX model, splits it into backbone and head, and writes the adapted model. */
@NullMarked
package dev.headwater.onnx;

import org.jspecify.annotations.NullMarked;

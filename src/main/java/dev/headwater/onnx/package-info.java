/** Reads an exported ONNX network, cuts it into backbone and head, and writes it back adapted. */
@NullMarked
package dev.headwater.onnx;

import org.jspecify.annotations.NullMarked;

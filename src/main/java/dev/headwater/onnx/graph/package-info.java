/** Indexing, shape inference and rewriting of ONNX graphs. */
@NullMarked
package dev.headwater.onnx.graph;

import org.jspecify.annotations.NullMarked;

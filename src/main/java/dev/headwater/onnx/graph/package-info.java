/** What an ONNX graph says about itself: who makes a tensor, what is constant, where layers are. */
@NullMarked
package dev.headwater.onnx.graph;

import org.jspecify.annotations.NullMarked;

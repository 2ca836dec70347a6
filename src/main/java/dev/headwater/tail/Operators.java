package dev.headwater.tail;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.layer.Attention;
import dev.headwater.tail.layer.Fused;
import dev.headwater.tail.layer.Normalization;
import dev.headwater.tail.layer.Recurrent;
import dev.headwater.tail.op.Elementwise;
import dev.headwater.tail.op.Linear;
import dev.headwater.tail.op.Literals;
import dev.headwater.tail.op.Logic;
import dev.headwater.tail.op.Operator;
import dev.headwater.tail.op.Places;
import dev.headwater.tail.op.Reduction;
import dev.headwater.tail.op.Reshaping;
import dev.headwater.tail.op.Selection;
import dev.headwater.tail.space.Convolution;
import dev.headwater.tail.space.Padding;
import dev.headwater.tail.space.Pooling;
import dev.headwater.tail.space.Resizing;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The supported ONNX operators, by name. */
final class Operators {
  static final Map<String, Operator> BY_NAME = new HashMap<>();

  static {
    List.of(
            Attention.operators(),
            Elementwise.operators(),
            Logic.operators(),
            Linear.operators(),
            Literals.operators(),
            Normalization.operators(),
            Reduction.operators(),
            Recurrent.operators(),
            Fused.operators(),
            Places.operators(),
            Reshaping.operators(),
            Selection.operators(),
            Convolution.operators(),
            Pooling.operators(),
            Padding.operators(),
            Resizing.operators(),
            Conditional.operators())
        .forEach(BY_NAME::putAll);
  }

  private Operators() {}

  static Operator of(NodeProto node) {
    Operator operator = BY_NAME.get(node.getOpType());
    if (operator == null) {
      throw new IllegalArgumentException("unsupported operator " + node.getOpType());
    }
    return operator;
  }

  /** Returns why the node is not supported, as a predicate ("casts to ..."); null if it is. */
  static @Nullable String obstacle(Makers producers, NodeProto node) {
    if (Graph.calls(node)) {
      return "is a function written for another opset";
    }
    Operator operator = BY_NAME.get(node.getOpType());
    if (operator == null || !Graph.standard(node)) {
      return "is not supported for training";
    }
    String obstacle =
        producers.standardises(node)
            ? null
            : operator.obstacle(producers.withoutUnusedOutputs(node));
    return obstacle == null ? Conditional.obstacle(producers, node) : obstacle;
  }
}

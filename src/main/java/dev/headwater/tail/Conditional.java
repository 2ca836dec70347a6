package dev.headwater.tail;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.headwater.onnx.graph.Branches;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Literals;
import dev.headwater.tail.op.Operator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A choice between two graphs. It is one for the whole batch, and so is left to sizes: a choice by
 * values would make what is said of a record depend on those beside it.
 */
final class Conditional {
  private Conditional() {}

  static Map<String, Operator> operators() {
    return Map.of("If", Conditional::run);
  }

  /** As {@link Operators#obstacle}, of an If; null for any other node. */
  static @Nullable String obstacle(Makers makers, NodeProto node) {
    if (!node.getOpType().equals("If")) {
      return null;
    }
    if (!makers.measured(node.getInput(0))) {
      return "chooses by values, not sizes, and for the whole batch at once";
    }
    for (boolean holds : List.of(true, false)) {
      GraphProto branch = Branches.branch(node, holds).orElse(null);
      String obstacle = branch == null ? "lacks a branch" : inside(makers.within(branch), branch);
      if (obstacle != null) {
        return obstacle;
      }
    }
    return null;
  }

  private static @Nullable String inside(Makers makers, GraphProto branch) {
    for (TensorProto tensor : branch.getInitializerList()) {
      String obstacle = Literals.obstacle(tensor);
      if (obstacle != null) {
        return "holds `%s`, which %s".formatted(tensor.getName(), obstacle);
      }
    }
    for (NodeProto node : branch.getNodeList()) {
      String obstacle = Operators.obstacle(makers, node);
      if (obstacle != null) {
        return "holds %s, which %s".formatted(node.getOpType(), obstacle);
      }
    }
    return branch.getSparseInitializerCount() > 0 ? "holds a sparse tensor" : null;
  }

  private static NDList run(Call call) {
    boolean holds = call.in(0).toType(DataType.BOOLEAN, false).toBooleanArray()[0];
    GraphProto branch = Branches.branch(call.node(), holds).orElseThrow();
    List<String> names = Step.names(call.node());
    Map<String, NDArray> values = new HashMap<>();
    for (int i = 0; i < names.size(); i++) {
      values.put(names.get(i), call.optional(i));
    }
    branch
        .getInitializerList()
        .forEach(tensor -> values.put(tensor.getName(), Literals.of(call.scope(), tensor)));
    branch.getNodeList().forEach(node -> Step.of(node, call.opset()).run(values, call.scope()));
    NDList made = new NDList();
    branch.getOutputList().forEach(output -> made.add(values.get(output.getName())));
    return made;
  }
}

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
 * The ONNX If operator. Its condition holds for a whole batch, so only conditions on shapes are
 * supported: with a condition on values, a prediction would depend on the other records of its
 * batch.
 */
final class Conditional {
  private Conditional() {}

  static Map<String, Operator> operators() {
    return Map.of("If", Conditional::run);
  }

  /** Returns the {@link Operators#obstacle} of an If node; null for any other node. */
  static @Nullable String obstacle(Makers producers, NodeProto node) {
    if (!node.getOpType().equals("If")) {
      return null;
    }
    if (!producers.measured(node.getInput(0))) {
      return "branches on tensor values instead of shapes, for the whole batch at once";
    }
    for (boolean condition : List.of(true, false)) {
      GraphProto branch = Branches.branch(node, condition).orElse(null);
      String obstacle =
          branch == null ? "has only one branch" : branchObstacle(producers.within(branch), branch);
      if (obstacle != null) {
        return obstacle;
      }
    }
    return null;
  }

  private static @Nullable String branchObstacle(Makers producers, GraphProto branch) {
    for (TensorProto tensor : branch.getInitializerList()) {
      String obstacle = Literals.obstacle(tensor);
      if (obstacle != null) {
        return "contains the tensor `%s`, which %s".formatted(tensor.getName(), obstacle);
      }
    }
    for (NodeProto node : branch.getNodeList()) {
      String obstacle = Operators.obstacle(producers, node);
      if (obstacle != null) {
        return "contains a node %s that %s".formatted(node.getOpType(), obstacle);
      }
    }
    return branch.getSparseInitializerCount() > 0 ? "contains a sparse tensor" : null;
  }

  private static NDList run(Call call) {
    boolean condition = call.in(0).toType(DataType.BOOLEAN, false).toBooleanArray()[0];
    GraphProto branch = Branches.branch(call.node(), condition).orElseThrow();
    List<String> names = Step.names(call.node());
    Map<String, NDArray> values = new HashMap<>();
    for (int i = 0; i < names.size(); i++) {
      values.put(names.get(i), call.optional(i));
    }
    branch
        .getInitializerList()
        .forEach(tensor -> values.put(tensor.getName(), Literals.of(call.scope(), tensor)));
    branch.getNodeList().forEach(node -> Step.of(node, call.opset()).run(values, call.scope()));
    NDList outputs = new NDList();
    branch.getOutputList().forEach(output -> outputs.add(values.get(output.getName())));
    return outputs;
  }
}

package dev.headwater.tail;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An executable node of the head graph. */
record Step(NodeProto node, long opset, Operator operator, List<String> names) {

  static Step of(NodeProto node, long opset) {
    return new Step(node, opset, Operators.of(node), names(node));
  }

  /** Returns the input names in order, empty if omitted, then the captures of its subgraphs. */
  static List<String> names(NodeProto node) {
    List<String> names = new ArrayList<>(node.getInputList());
    names.addAll(Graph.captured(node));
    return names;
  }

  /**
   * Returns a view of the tensor, attached to another manager. Gradients flow through it, and
   * tensors computed from it belong to that manager.
   */
  static NDArray lent(@Nullable NDArray value, NDManager scope) {
    if (value == null) {
      throw new IllegalArgumentException("missing tensor");
    }
    NDArray view = value.reshape(value.getShape());
    view.attach(scope);
    return view;
  }

  /** Returns the names of all given inputs. */
  List<String> inputs() {
    return names.stream().filter(input -> !input.isEmpty()).toList();
  }

  /** Runs the node: reads inputs from {@code values} and stores outputs there. */
  void run(Map<String, NDArray> values, NDManager scope) {
    List<@Nullable NDArray> inputs = new ArrayList<>();
    names.forEach(name -> inputs.add(name.isEmpty() ? null : values.get(name)));
    NDList outputs;
    try {
      outputs = operator.apply(new Call(node, opset, inputs, scope));
    } catch (EngineException | IllegalArgumentException e) { // the message does not name the node
      throw new IllegalStateException(
          "%s node with output `%s` failed on inputs of shape %s: %s"
              .formatted(
                  node.getOpType(),
                  Graph.output(node),
                  inputs.stream().map(x -> x == null ? "none" : x.getShape().toString()).toList(),
                  e.getMessage()),
          e);
    }
    for (int i = 0; i < Math.min(outputs.size(), node.getOutputCount()); i++) {
      values.put(node.getOutput(i), outputs.get(i));
    }
  }
}

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

/** One node of the head, ready to run. */
record Step(NodeProto node, long opset, Operator operator, List<String> names) {

  static Step of(NodeProto node, long opset) {
    return new Step(node, opset, Operators.of(node), names(node));
  }

  /** What goes in, in order: its inputs, empty where left out, then what its subgraphs capture. */
  static List<String> names(NodeProto node) {
    List<String> names = new ArrayList<>(node.getInputList());
    names.addAll(Graph.captured(node));
    return names;
  }

  /** The same numbers, gradient included, under another manager, which gets what is made of it. */
  static NDArray lent(@Nullable NDArray value, NDManager scope) {
    if (value == null) {
      throw new IllegalArgumentException("a tensor is missing");
    }
    NDArray lent = value.reshape(value.getShape());
    lent.attach(scope);
    return lent;
  }

  /** The names of what goes in. */
  List<String> inputs() {
    return names.stream().filter(input -> !input.isEmpty()).toList();
  }

  /** Reads its inputs from {@code values} and puts its outputs there. */
  void run(Map<String, NDArray> values, NDManager scope) {
    List<@Nullable NDArray> inputs = new ArrayList<>();
    names.forEach(name -> inputs.add(name.isEmpty() ? null : values.get(name)));
    NDList made;
    try {
      made = operator.apply(new Call(node, opset, inputs, scope));
    } catch (EngineException | IllegalArgumentException failed) { // says nothing of the node itself
      throw new IllegalStateException(
          "%s, which makes `%s`, failed on %s: %s"
              .formatted(
                  node.getOpType(),
                  Graph.output(node),
                  inputs.stream()
                      .map(x -> x == null ? "nothing" : x.getShape().toString())
                      .toList(),
                  failed.getMessage()),
          failed);
    }
    for (int i = 0; i < Math.min(made.size(), node.getOutputCount()); i++) {
      values.put(node.getOutput(i), made.get(i));
    }
  }
}

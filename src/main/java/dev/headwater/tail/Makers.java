package dev.headwater.tail;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What makes the tensors that a node can see: nodes of its own graph, and of those around it.
 *
 * @param inner those of the subgraphs, by output
 * @param stored the constants of the subgraphs, and the parameters
 */
record Makers(Graph main, Map<String, NodeProto> inner, Set<String> stored) {

  static Makers of(Graph main, List<String> parameters) {
    return new Makers(main, Map.of(), Set.copyOf(parameters));
  }

  Makers within(GraphProto subgraph) {
    Map<String, NodeProto> makers = new HashMap<>(inner);
    Set<String> constants = new HashSet<>(stored);
    for (NodeProto node : subgraph.getNodeList()) {
      node.getOutputList().forEach(output -> makers.put(output, node));
    }
    subgraph.getInitializerList().forEach(tensor -> constants.add(tensor.getName()));
    return new Makers(main, makers, constants);
  }

  /**
   * The node without those outputs behind the first that nothing uses; as it is where it is no node
   * of the main graph, or where their names alone change what it does.
   */
  NodeProto asked(NodeProto node) {
    NodeProto.Builder asked = node.toBuilder();
    for (int i = 1; i < node.getOutputCount(); i++) {
      String output = node.getOutput(i);
      boolean here = main.producer(output).filter(node::equals).isPresent();
      if (here && main.consumers(output).isEmpty()) {
        asked.setOutput(i, "");
      }
    }
    return node.getOpType().equals("BatchNormalization") ? node : asked.build();
  }

  /**
   * Whether it normalises what is made of weights, whose own statistics are no batch's, and is
   * asked for that alone.
   */
  boolean standardises(NodeProto node) {
    return node.getOpType().equals("BatchNormalization")
        && measured(node.getInput(0))
        && node.getOutputList().stream().skip(1).allMatch(o -> main.consumers(o).isEmpty());
  }

  /** Whether the tensor follows from sizes, constants and parameters alone. */
  boolean measured(String tensor) {
    Set<String> seen = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(tensor));
    while (!open.isEmpty()) {
      String at = open.pop();
      if (!seen.add(at) || stored.contains(at) || main.constant(at)) {
        continue;
      }
      Optional<NodeProto> maker = Optional.ofNullable(inner.get(at)).or(() -> main.producer(at));
      if (maker.isEmpty()) {
        return false;
      }
      String op = maker.get().getOpType();
      if (!op.equals("Shape") && !op.equals("Size")) {
        open.addAll(Graph.uses(maker.get()));
      }
    }
    return true;
  }
}

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
 * The nodes that produce the tensors visible to a node, in its own and in the enclosing graphs.
 *
 * @param inner nodes of the subgraphs, by output
 * @param stored names of the subgraphs' constants and of the parameters
 */
record Makers(Graph main, Map<String, NodeProto> inner, Set<String> stored) {

  static Makers of(Graph main, List<String> parameters) {
    return new Makers(main, Map.of(), Set.copyOf(parameters));
  }

  Makers within(GraphProto subgraph) {
    Map<String, NodeProto> allProducers = new HashMap<>(inner);
    Set<String> allConstants = new HashSet<>(stored);
    for (NodeProto node : subgraph.getNodeList()) {
      node.getOutputList().forEach(output -> allProducers.put(output, node));
    }
    subgraph.getInitializerList().forEach(tensor -> allConstants.add(tensor.getName()));
    return new Makers(main, allProducers, allConstants);
  }

  /**
   * Returns the node without unused optional outputs. Returns it unchanged if it is not in the main
   * graph, or for BatchNormalization, where declared outputs change the computation.
   */
  NodeProto withoutUnusedOutputs(NodeProto node) {
    NodeProto.Builder pruned = node.toBuilder();
    for (int i = 1; i < node.getOutputCount(); i++) {
      String output = node.getOutput(i);
      boolean inMainGraph = main.producer(output).filter(node::equals).isPresent();
      if (inMainGraph && main.consumers(output).isEmpty()) {
        pruned.setOutput(i, "");
      }
    }
    return node.getOpType().equals("BatchNormalization") ? node : pruned.build();
  }

  /**
   * Returns whether this is weight standardisation: a BatchNormalization whose input depends only
   * on parameters, so that it does not use batch statistics, and whose other outputs are unused.
   */
  boolean standardises(NodeProto node) {
    return node.getOpType().equals("BatchNormalization")
        && measured(node.getInput(0))
        && node.getOutputList().stream().skip(1).allMatch(o -> main.consumers(o).isEmpty());
  }

  /** Returns whether the tensor depends only on shapes, constants and parameters. */
  boolean measured(String tensor) {
    Set<String> seen = new HashSet<>();
    Deque<String> pending = new ArrayDeque<>(List.of(tensor));
    while (!pending.isEmpty()) {
      String current = pending.pop();
      if (!seen.add(current) || stored.contains(current) || main.constant(current)) {
        continue;
      }
      Optional<NodeProto> producer =
          Optional.ofNullable(inner.get(current)).or(() -> main.producer(current));
      if (producer.isEmpty()) {
        return false;
      }
      String op = producer.get().getOpType();
      if (!op.equals("Shape") && !op.equals("Size")) {
        pending.addAll(Graph.uses(producer.get()));
      }
    }
    return true;
  }
}

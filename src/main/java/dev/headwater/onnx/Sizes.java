package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Sizes that exporters compute as the network runs (Shape, Gather, Concat, ...) belong to a batch,
 * not to a record, and so cannot cross a cut: where they follow from what crosses it anyway, the
 * head computes them for itself.
 */
final class Sizes {
  private Sizes() {}

  /** The head with the nodes that compute the sizes it uses. */
  static Set<Integer> with(Graph graph, Set<Integer> head, List<String> crossing) {
    Set<Integer> whole = new TreeSet<>(head);
    Set<String> known = crossing.stream().collect(Collectors.toSet());
    head.forEach(position -> known.addAll(graph.node(position).getOutputList()));
    for (String tensor : crossing) {
      whole.addAll(makers(graph, tensor, known));
    }
    return whole;
  }

  /** The nodes between the tensor and the shapes of known ones; none where there is more to it. */
  private static Set<Integer> makers(Graph graph, String tensor, Set<String> known) {
    Set<Integer> makers = new TreeSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(tensor));
    while (!open.isEmpty()) {
      String at = open.pop();
      if (graph.constant(at)) {
        continue;
      }
      int position = graph.producerPosition(at);
      if (position < 0) {
        return Set.of();
      }
      NodeProto node = graph.node(position);
      boolean measures = node.getOpType().equals("Shape") || node.getOpType().equals("Size");
      if (measures && (node.getInput(0).equals(tensor) || !known.contains(node.getInput(0)))) {
        return Set.of();
      }
      if (makers.add(position) && !measures) {
        open.addAll(Graph.uses(node));
      }
    }
    return makers;
  }
}

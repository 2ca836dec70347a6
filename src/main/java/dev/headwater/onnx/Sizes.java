package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.graph.Constant;
import dev.headwater.onnx.graph.Functions;
import dev.headwater.onnx.graph.Graph;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Sizes that exporters compute as the network runs (Shape, Gather, Concat, ...) belong to a batch,
 * not to a record, and so cannot cross a cut: where they follow from what crosses it anyway, the
 * head computes them for itself. So it does with how many records there are, which PyTorch's newer
 * exporter asks once, of the network's input, and uses everywhere.
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

  /**
   * The same network, whose head measures how many records there are of a tensor that crosses the
   * cut; the very graph where nothing of the kind crosses it.
   */
  static Graph measuredInside(Graph graph, Cut cut) {
    List<String> floats =
        cut.features().stream()
            .filter(f -> type(graph, f) == DataType.FLOAT && open(graph, f))
            .toList();
    Map<String, Set<Integer>> counts = new LinkedHashMap<>();
    for (String feature : cut.features()) {
      if (type(graph, feature) == DataType.INT64) {
        records(graph, feature).ifPresent(makers -> counts.put(feature, makers));
      }
    }
    if (floats.isEmpty() || counts.isEmpty()) {
      return graph;
    }
    String measured = floats.get(0);
    Set<Integer> makers = new TreeSet<>(Set.of(graph.producerPosition(measured)));
    counts.values().forEach(makers::addAll);
    int known = Collections.max(makers);
    boolean early = cut.head().stream().anyMatch(at -> at < known && uses(graph, at, counts));
    return early ? graph : copied(graph, cut.head(), counts, measured, known + 1);
  }

  /** Whether the file leaves its first size open, or does not tell it. */
  private static boolean open(Graph graph, String tensor) {
    return graph.shapes().shape(tensor).filter(s -> s.length == 0 || s[0] >= 0).isEmpty();
  }

  private static boolean uses(Graph graph, int position, Map<String, Set<Integer>> counts) {
    return Graph.uses(graph.node(position)).stream().anyMatch(counts::containsKey);
  }

  private static DataType type(Graph graph, String tensor) {
    return graph.shapes().type(tensor).orElse(DataType.FLOAT);
  }

  /** The nodes that make the tensor of the number of records and constants; empty if of more. */
  private static Optional<Set<Integer>> records(Graph graph, String tensor) {
    Set<Integer> makers = new TreeSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(tensor));
    while (!open.isEmpty()) {
      String at = open.pop();
      int position = graph.producerPosition(at);
      if (graph.constant(at)) {
        continue;
      }
      if (position < 0) {
        return Optional.empty();
      }
      NodeProto node = graph.node(position);
      boolean measures = node.getOpType().equals("Shape");
      if (measures && !records(graph, node)) {
        return Optional.empty();
      }
      if (makers.add(position) && !measures) {
        open.addAll(Graph.uses(node));
      }
    }
    return Optional.of(makers);
  }

  /** Whether all that is asked of an input's sizes is the first, and that is open. */
  private static boolean records(Graph graph, NodeProto shape) {
    String input = shape.getInput(0);
    boolean asked =
        first(shape) || graph.consumers(shape.getOutput(0)).stream().allMatch(p -> first(graph, p));
    return asked && graph.producerPosition(input) < 0 && open(graph, input);
  }

  /** Whether of all sizes it measures the first only. */
  private static boolean first(NodeProto shape) {
    return Graph.integer(shape, "start", 0) == 0 && Graph.integer(shape, "end", 0) == 1;
  }

  /** Whether of all sizes it takes the first only. */
  private static boolean first(Graph graph, int position) {
    NodeProto node = graph.node(position);
    return switch (node.getOpType()) {
      case "Gather" -> only(graph, node.getInput(1), 0);
      case "Slice" ->
          node.getInputCount() > 2
              && only(graph, node.getInput(1), 0)
              && only(graph, node.getInput(2), 1);
      default -> false;
    };
  }

  private static boolean only(Graph graph, String tensor, long value) {
    return Constant.integers(graph, tensor)
        .filter(values -> values.length == 1 && values[0] == value)
        .isPresent();
  }

  private static Graph copied(
      Graph graph,
      Set<Integer> head,
      Map<String, Set<Integer>> counts,
      String measured,
      int after) {
    Set<Integer> makers = new TreeSet<>();
    counts.values().forEach(makers::addAll);
    Map<String, String> names = new HashMap<>();
    List<NodeProto> copies = new ArrayList<>();
    for (int position : makers) {
      NodeProto node = graph.node(position);
      NodeProto.Builder copy = node.toBuilder().clearName().clearOutput();
      node.getOutputList().forEach(o -> names.put(o, graph.unused(o + ".of." + measured)));
      node.getOutputList().forEach(o -> copy.addOutput(names.get(o)));
      for (int i = 0; i < node.getInputCount(); i++) {
        String input = node.getInput(i);
        copy.setInput(
            i, node.getOpType().equals("Shape") ? measured : names.getOrDefault(input, input));
      }
      copies.add(copy.build());
    }
    List<NodeProto> nodes = new ArrayList<>(graph.proto().getNodeList());
    names.keySet().retainAll(counts.keySet());
    head.forEach(at -> nodes.set(at, Functions.renamed(nodes.get(at), names)));
    nodes.addAll(after, copies);
    return new Graph(graph.proto().toBuilder().clearNode().addAllNode(nodes).build());
  }
}

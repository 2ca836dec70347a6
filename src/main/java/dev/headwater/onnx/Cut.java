package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layer;
import dev.headwater.onnx.graph.Layers;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Where backbone ends and head begins.
 *
 * @param head positions of the head's nodes, in topological order
 * @param features the tensors that cross the cut
 * @param last the head's last layer: its output is the logits
 */
record Cut(Set<Integer> head, List<String> features, Layer last) {
  static final String AUTO = "auto";

  /** Finds the same cut in networks that differ in how sizes are computed only. */
  interface Finder {
    Cut in(Graph graph) throws OnnxException;
  }

  static Cut find(Graph graph, String spec) throws OnnxException {
    return find(graph, Layers.of(graph), spec);
  }

  static Cut find(Graph graph, List<Layer> layers, String spec) throws OnnxException {
    if (spec.equals(AUTO)) {
      return around(graph, layers, List.of(new Tail(graph, layers).lastLayer()));
    }
    if (spec.matches("-[1-9][0-9]{0,8}")) {
      return back(graph, layers, -Integer.parseInt(spec));
    }
    boolean several = !graph.has(spec) && spec.contains(",");
    return at(graph, layers, several ? List.of(spec.strip().split("\\s*,\\s*")) : List.of(spec));
  }

  static Cut at(Graph graph, List<String> tensors) throws OnnxException {
    return at(graph, Layers.of(graph), tensors);
  }

  private static String suggestions(List<Layer> layers) {
    List<Layer> nearest = layers.subList(Math.max(0, layers.size() - 5), layers.size());
    return nearest.stream()
        .map(layer -> "`" + layer.data() + "`")
        .distinct()
        .collect(Collectors.joining(", "));
  }

  private static Cut back(Graph graph, List<Layer> layers, int count) throws OnnxException {
    if (layers.isEmpty()) {
      throw new OnnxException(Tail.nothingToTrain(graph));
    }
    if (count > layers.size()) {
      throw new OnnxException(
          "The cut -%d is too deep: the graph has %d parametrised layers."
              .formatted(count, layers.size()));
    }
    return around(graph, layers, layers.subList(layers.size() - count, layers.size()));
  }

  private static Cut at(Graph graph, List<Layer> layers, List<String> tensors)
      throws OnnxException {
    for (String tensor : tensors) {
      if (!graph.has(tensor)) {
        throw new OnnxException(
            "There is no tensor `%s` to cut at. Give auto, -N for N layers back, or one of: %s."
                .formatted(tensor, suggestions(layers)));
      }
      if (graph.constant(tensor)) {
        throw new OnnxException(
            "`%s` is a constant, not something computed from the input: give the tensor that a"
                    .formatted(tensor)
                + " layer is applied to.");
      }
    }
    String where = "after `" + String.join("`, `", tensors) + "`";
    Set<Integer> head =
        graph.withDescendants(
            tensors.stream().flatMap(tensor -> graph.consumers(tensor).stream()).toList());
    if (tensors.size() > 1) { // what lies between them stays in the backbone
      head.retainAll(graph.needed(Set.copyOf(tensors), graph.outputs()));
    }
    List<String> crossing = crossing(graph, head);
    List<String> idle = tensors.stream().filter(t -> !crossing.contains(t)).toList();
    if (!idle.isEmpty()) {
      throw new OnnxException(
          "Nothing of the head uses `%s`: leave it out of the cut."
              .formatted(String.join("`, `", idle)));
    }
    return of(graph, layers, head, where);
  }

  private static Cut around(Graph graph, List<Layer> layers, List<Layer> starts)
      throws OnnxException {
    Set<Integer> nodes = new TreeSet<>();
    starts.forEach(layer -> nodes.addAll(List.of(layer.position(), layer.last())));
    String where = "from `" + starts.get(0).output() + "` on";
    return of(graph, layers, graph.withDescendants(nodes), where);
  }

  static Cut of(Graph graph, List<Layer> layers, Set<Integer> head, String where)
      throws OnnxException {
    List<Layer> inside = layers.stream().filter(layer -> head.contains(layer.position())).toList();
    if (inside.isEmpty()) {
      throw new OnnxException(
          "There is nothing to train %s: no Gemm, MatMul or convolution with weights of its own."
              .formatted(where));
    }
    List<Layer> integers =
        inside.stream().filter(layer -> layer.kind() == Layer.Kind.QUANTIZED).toList();
    if (!integers.isEmpty()) {
      throw new OnnxException(Tail.quantized(graph, layers, integers));
    }
    Layer last = new Tail(graph, inside).endOf(inside);
    Set<Integer> whole = Sizes.with(graph, head);
    return new Cut(whole, crossing(graph, whole), last);
  }

  static List<String> crossing(Graph graph, Collection<Integer> head) {
    Set<String> made = new LinkedHashSet<>();
    Set<String> crossing = new LinkedHashSet<>();
    for (int position : head) {
      NodeProto node = graph.node(position);
      Graph.uses(node).stream()
          .filter(used -> !made.contains(used) && !graph.constant(used))
          .forEach(crossing::add);
      made.addAll(node.getOutputList());
    }
    return List.copyOf(crossing);
  }

  /** Records are told apart, kept and trained on by their features' numbers. */
  void requireFloats(Graph graph) throws OnnxException {
    for (String feature : features) {
      DataType type = Declared.type(graph, feature);
      boolean scalar = graph.shapes().shape(feature).filter(s -> s.length == 0).isPresent();
      if (!Sizes.FLOATS.contains(type) || scalar) {
        throw new OnnxException(
            "`%s` would cross the cut, and is %s: what crosses it must be floats, so many a record."
                .formatted(feature, scalar ? "one number for all records" : "of type " + type));
      }
      if (!Sizes.byRecord(graph, feature)) {
        throw new OnnxException(
            "`%s` would cross the cut, and its first axis does not count the records: they could not be told apart."
                .formatted(feature));
      }
    }
  }

  /** The layers of the head. */
  List<Layer> layers(Graph graph) {
    return Layers.of(graph).stream().filter(layer -> head.contains(layer.position())).toList();
  }

  /** Whether the head is its last layer and operators that any number of classes passes through. */
  boolean linear(Graph graph) {
    return last.linear()
        && features.equals(List.of(last.data()))
        && head.stream()
            .filter(position -> position != last.position() && position != last.last())
            .allMatch(position -> Tail.looksThrough(graph.node(position)));
  }

  /** Length of one feature vector where the cut is one [N, dim] tensor; else -1. */
  int dim(Graph graph) {
    Optional<long[]> shape =
        features.size() == 1 ? graph.shapes().shape(features.get(0)) : Optional.empty();
    if (linear(graph) && last.kind() != Layer.Kind.CONV) {
      int rank = shape.map(s -> s.length).orElseGet(() -> rankAfter(graph));
      return rank == 2 ? last.width(graph, false) : -1;
    }
    return shape
        .filter(s -> s.length == 2 && s[1] <= Integer.MAX_VALUE)
        .map(s -> (int) s[1])
        .orElse(-1);
  }

  private int rankAfter(Graph graph) {
    return graph.shapes().shape(last.output()).map(s -> s.length).orElse(Tail.rank(graph, last));
  }
}

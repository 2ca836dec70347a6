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
 * The boundary between backbone and head.
 *
 * @param head positions of the head's nodes, in topological order
 * @param features the tensors that cross the cut
 * @param last the last layer of the head, whose output is the logits
 */
record Cut(Set<Integer> head, List<String> features, Layer last) {
  static final String AUTO = "auto";

  /** Finds the same cut in graphs that differ only in how sizes are computed. */
  interface Finder {
    Cut in(Graph graph) throws OnnxException;
  }

  static Cut find(Graph graph, String spec) throws OnnxException {
    return find(graph, Layers.of(graph), spec);
  }

  static Cut find(Graph graph, List<Layer> layers, String spec) throws OnnxException {
    if (spec.equals(AUTO)) {
      return fromLayers(graph, layers, List.of(new Tail(graph, layers).lastLayer()));
    }
    if (spec.matches("-[1-9][0-9]{0,8}")) {
      return layersFromEnd(graph, layers, -Integer.parseInt(spec));
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

  private static Cut layersFromEnd(Graph graph, List<Layer> layers, int count)
      throws OnnxException {
    if (layers.isEmpty()) {
      throw new OnnxException(Tail.nothingToTrain(graph));
    }
    if (count > layers.size()) {
      throw new OnnxException(
          "The cut -%d is too deep: the graph has %d parametrised layers."
              .formatted(count, layers.size()));
    }
    return fromLayers(graph, layers, layers.subList(layers.size() - count, layers.size()));
  }

  private static Cut at(Graph graph, List<Layer> layers, List<String> tensors)
      throws OnnxException {
    for (String tensor : tensors) {
      if (!graph.has(tensor)) {
        throw new OnnxException(
            "There is no tensor `%s` to cut at: expected auto, -N (N layers from the end) or a tensor name, for example %s."
                .formatted(tensor, suggestions(layers)));
      }
      if (graph.constant(tensor)) {
        throw new OnnxException(
            "`%s` is a constant: cut at a tensor that is computed from the input."
                .formatted(tensor));
      }
    }
    String where = "after `" + String.join("`, `", tensors) + "`";
    Set<Integer> head =
        graph.withDescendants(
            tensors.stream().flatMap(tensor -> graph.consumers(tensor).stream()).toList());
    if (tensors.size() > 1) { // nodes between the tensors stay in the backbone
      head.retainAll(graph.needed(Set.copyOf(tensors), graph.outputs()));
    }
    List<String> crossing = crossing(graph, head);
    List<String> unused = tensors.stream().filter(t -> !crossing.contains(t)).toList();
    if (!unused.isEmpty()) {
      throw new OnnxException(
          "The head does not use `%s`: remove it from the cut."
              .formatted(String.join("`, `", unused)));
    }
    return of(graph, layers, head, where);
  }

  private static Cut fromLayers(Graph graph, List<Layer> layers, List<Layer> starts)
      throws OnnxException {
    Set<Integer> nodes = new TreeSet<>();
    starts.forEach(layer -> nodes.addAll(List.of(layer.position(), layer.last())));
    String where = "from `" + starts.get(0).output() + "` on";
    return of(graph, layers, graph.withDescendants(nodes), where);
  }

  static Cut of(Graph graph, List<Layer> layers, Set<Integer> head, String where)
      throws OnnxException {
    List<Layer> inHead = layers.stream().filter(layer -> head.contains(layer.position())).toList();
    if (inHead.isEmpty()) {
      throw new OnnxException(
          "There is nothing to train %s: no Gemm, MatMul or convolution with its own weights."
              .formatted(where));
    }
    List<Layer> quantized =
        inHead.stream().filter(layer -> layer.kind() == Layer.Kind.QUANTIZED).toList();
    if (!quantized.isEmpty()) {
      throw new OnnxException(Tail.quantized(graph, layers, quantized));
    }
    Layer last = new Tail(graph, inHead).endOf(inHead);
    Set<Integer> withSizes = Sizes.with(graph, head);
    return new Cut(withSizes, crossing(graph, withSizes), last);
  }

  static List<String> crossing(Graph graph, Collection<Integer> head) {
    Set<String> produced = new LinkedHashSet<>();
    Set<String> crossing = new LinkedHashSet<>();
    for (int position : head) {
      NodeProto node = graph.node(position);
      Graph.uses(node).stream()
          .filter(used -> !produced.contains(used) && !graph.constant(used))
          .forEach(crossing::add);
      produced.addAll(node.getOutputList());
    }
    return List.copyOf(crossing);
  }

  /**
   * Checks that the features are float tensors with a batch axis, so that they can be stored and
   * trained on per record.
   */
  void requireFloats(Graph graph) throws OnnxException {
    for (String feature : features) {
      DataType type = Declared.type(graph, feature);
      boolean scalar = graph.shapes().shape(feature).filter(s -> s.length == 0).isPresent();
      if (!Sizes.FLOATS.contains(type) || scalar) {
        throw new OnnxException(
            "`%s` would cross the cut but is %s: tensors crossing the cut must be float, with a leading batch dimension."
                .formatted(feature, scalar ? "a scalar" : "of type " + type));
      }
      if (!Sizes.byRecord(graph, feature)) {
        throw new OnnxException(
            "`%s` would cross the cut but its first axis is not the batch axis: features could not be assigned to records."
                .formatted(feature));
      }
    }
  }

  /** Returns the layers of the head. */
  List<Layer> layers(Graph graph) {
    return Layers.of(graph).stream().filter(layer -> head.contains(layer.position())).toList();
  }

  /** Returns whether the head is one linear layer plus operators that accept any class count. */
  boolean linear(Graph graph) {
    return last.linear()
        && features.equals(List.of(last.data()))
        && head.stream()
            .filter(position -> position != last.position() && position != last.last())
            .allMatch(position -> Tail.looksThrough(graph.node(position)));
  }

  /** Returns the feature dimension if the cut is one [N, dim] tensor; otherwise -1. */
  int dim(Graph graph) {
    Optional<long[]> shape =
        features.size() == 1 ? graph.shapes().shape(features.get(0)) : Optional.empty();
    if (linear(graph) && last.kind() != Layer.Kind.CONV) {
      int rank = shape.map(s -> s.length).orElseGet(() -> outputRank(graph));
      return rank == 2 ? last.width(graph, false) : -1;
    }
    return shape
        .filter(s -> s.length == 2 && s[1] <= Integer.MAX_VALUE)
        .map(s -> (int) s[1])
        .orElse(-1);
  }

  private int outputRank(Graph graph) {
    return graph.shapes().shape(last.output()).map(s -> s.length).orElse(Tail.rank(graph, last));
  }
}

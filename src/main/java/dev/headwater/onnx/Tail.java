package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Constant;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Walks back from a graph's outputs, through Softmax and its like, to the layers behind them. */
final class Tail {
  private static final String NOTHING_TO_TRAIN =
      "The graph has no parametrised layer (Gemm, MatMul or convolution with constant weights):"
          + " there is nothing to train. Export the network with its weights as initializers.";

  private static final Set<String> PLAIN =
      Set.of("Softmax", "LogSoftmax", "Sigmoid", "Dropout", "Identity", "Cast", "ArgMax");
  private static final Set<String> RESHAPING = Set.of("Flatten", "Squeeze");

  /** Of several scores that differ from class to class. */
  private static final Set<String> COMBINES =
      Set.of("Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min");

  private static final Set<String> REORDERS =
      Set.of("BatchNormalization", "Gemm", "MatMul", "Conv", "ConvTranspose");

  private static final Set<String> AROUND_INTEGERS =
      Set.of("Add", "Mul", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear");

  private final Graph graph;
  private final Map<String, Layer> byOutput;

  Tail(Graph graph, List<Layer> layers) {
    this.graph = graph;
    this.byOutput =
        layers.stream()
            .collect(
                Collectors.toMap(
                    Layer::output, Function.identity(), (a, b) -> a, LinkedHashMap::new));
  }

  static boolean looksThrough(NodeProto node) {
    return PLAIN.contains(node.getOpType()) || RESHAPING.contains(node.getOpType());
  }

  /** Why a graph without layers is refused. */
  static String nothingToTrain(Graph graph) {
    String calls =
        graph.proto().getNodeList().stream()
            .filter(Graph::calls)
            .map(call -> "`" + call.getOpType() + "`")
            .distinct()
            .collect(Collectors.joining(", "));
    return calls.isEmpty()
        ? NOTHING_TO_TRAIN
        : "The graph has no parametrised layer of its own, and layers within its functions that are written for another opset (%s) cannot be seen: export all of it for one opset."
            .formatted(calls);
  }

  /** The one linear layer behind the outputs, for `auto`. */
  Layer lastLayer() throws OnnxException {
    if (byOutput.isEmpty()) {
      throw new OnnxException(nothingToTrain(graph));
    }
    Map<String, Layer> ends = new LinkedHashMap<>();
    graph.outputs().forEach(out -> behind(out).ifPresent(layer -> ends.put(layer.output(), layer)));
    dropThoseBeforeOthers(ends);
    if (ends.isEmpty()) {
      throw new OnnxException(noLayerBehind());
    }
    if (ends.size() > 1) {
      throw new OnnxException(
          "The graph ends in %d layers (`%s`): auto cannot choose. Name the tensor to cut at."
              .formatted(ends.size(), String.join("`, `", ends.keySet())));
    }
    Layer layer = ends.values().iterator().next();
    if (layer.kind() == Layer.Kind.QUANTIZED) {
      throw new OnnxException(quantized(graph, List.copyOf(byOutput.values()), List.of(layer)));
    }
    if (!layer.linear()) {
      throw new OnnxException(
          "The last layer, which makes `%s`, %s: auto needs a plain linear one. %s"
              .formatted(layer.output(), layer.obstacle(), remedy(layer)));
    }
    return layer;
  }

  private static String remedy(Layer layer) {
    return layer.weight() != null && layer.weight().obstacle() != null
        ? "Export it in float32 with its constants folded."
        : "Cut at -1, or name a tensor, to train it as it is.";
  }

  /** The layer whose output is the logits: behind an output, else simply the last one. */
  Layer endOf(List<Layer> layers) {
    return graph.outputs().stream()
        .flatMap(output -> behind(output).stream())
        .findFirst()
        .orElse(layers.get(layers.size() - 1));
  }

  private Optional<Layer> behind(String output) {
    String at = output;
    while (!byOutput.containsKey(at)) {
      Optional<NodeProto> node = graph.producer(at);
      if (node.isEmpty() || !looksThrough(node.get())) {
        return integersBehind(at);
      }
      at = node.get().getInput(0);
    }
    return Optional.ofNullable(byOutput.get(at));
  }

  /** An integer layer behind the scaling and adding that surrounds one. */
  private Optional<Layer> integersBehind(String tensor) {
    String at = tensor;
    while (true) {
      Layer layer = byOutput.get(at);
      if (layer != null) {
        return Optional.of(layer).filter(found -> found.kind() == Layer.Kind.QUANTIZED);
      }
      Optional<NodeProto> node = graph.producer(at);
      if (node.isEmpty()
          || !(looksThrough(node.get()) || AROUND_INTEGERS.contains(node.get().getOpType()))) {
        return Optional.empty();
      }
      at = dataOf(node.get());
    }
  }

  /** The input that is neither constant nor a scale computed beside the data. */
  private String dataOf(NodeProto node) {
    return node.getInputList().stream()
        .filter(input -> !graph.constant(input) && !scale(input))
        .findFirst()
        .orElse(node.getInput(0));
  }

  private boolean scale(String tensor) {
    Optional<NodeProto> node = graph.producer(tensor);
    if (node.isEmpty()) {
      return false;
    }
    boolean measured = node.get().getOpType().equals("DynamicQuantizeLinear");
    return (measured && !node.get().getOutput(0).equals(tensor))
        || (node.get().getOpType().equals("Mul")
            && node.get().getInputList().stream()
                .allMatch(input -> graph.constant(input) || scale(input)));
  }

  private void dropThoseBeforeOthers(Map<String, Layer> ends) {
    Map<String, Layer> all = Map.copyOf(ends);
    ends.values()
        .removeIf(
            layer -> {
              Set<Integer> later = new TreeSet<>(graph.withDescendants(List.of(layer.last())));
              later.remove(layer.last());
              return all.values().stream().anyMatch(other -> later.contains(other.position()));
            });
  }

  private String noLayerBehind() {
    String made =
        graph.outputs().stream()
            .map(output -> "`" + output + "` is made by " + maker(output))
            .collect(Collectors.joining(", "));
    List<Layer> layers = List.copyOf(byOutput.values());
    boolean integer = layers.get(layers.size() - 1).kind() == Layer.Kind.QUANTIZED;
    return ("No linear layer stands at the end: output %s. If this is an encoder, pool its last"
            + " hidden state and let a new head be trained on that; %s.")
        .formatted(
            made,
            integer
                ? "its own layers are integer (int8) and cannot be trained"
                : "else name a tensor to cut at, or -1");
  }

  private String maker(String output) {
    String at = output;
    Optional<NodeProto> node = graph.producer(at);
    while (node.isPresent() && looksThrough(node.get())) {
      at = node.get().getInput(0);
      node = graph.producer(at);
    }
    return node.map(NodeProto::getOpType).orElse("nothing (an input or a constant)");
  }

  /** Why integer layers are refused, with the cut that works. */
  static String quantized(Graph graph, List<Layer> all, List<Layer> integers) {
    Layer last = integers.get(integers.size() - 1);
    long after = all.stream().filter(layer -> layer.position() > last.position()).count();
    String reason =
        "The layer that makes `%s` %s, and integer weights cannot be trained. "
            .formatted(last.output(), last.obstacle());
    if (after > 0) {
      return reason
          + "The last float cut is -%d, at `%s`."
              .formatted(after, all.get(all.size() - (int) after).data());
    }
    return reason
        + ("The last float tensor before it is `%s`: train a new head on that, or export the last"
                + " layer in float32.")
            .formatted(floatBefore(graph, last.data()));
  }

  private static String floatBefore(Graph graph, String data) {
    String at = data;
    Optional<NodeProto> node = graph.producer(at);
    while (node.isPresent()
        && (node.get().getOpType().endsWith("QuantizeLinear")
            || node.get().getOpType().equals("DequantizeLinear"))) {
      at = node.get().getInput(0);
      node = graph.producer(at);
    }
    return at;
  }

  /**
   * What is made of a last layer's output by scaling and shifting all classes alike, or enlarging
   * them by a whole factor: what the network's probabilities are of.
   */
  static String answer(Graph graph, String output) {
    Set<Integer> live = graph.needed(Set.of(), graph.outputs());
    String at = output;
    while (!graph.outputs().contains(at)) {
      List<Integer> users = graph.consumers(at).stream().filter(live::contains).toList();
      if (users.size() != 1 || !keepsClasses(graph, graph.node(users.get(0)), at)) {
        return at;
      }
      at = graph.node(users.get(0)).getOutput(0);
    }
    return at;
  }

  /**
   * What stands between a head's scores and whatever the network answers, and may put another class
   * ahead; nothing where an answer has the classes in the scores' order, or that is not known.
   */
  static Set<String> leftOut(Graph graph, String scores) {
    Set<Integer> live = graph.needed(Set.of(), graph.outputs());
    Set<String> blocking = new TreeSet<>();
    Set<String> seen = new HashSet<>(Set.of(scores));
    Deque<String> open = new ArrayDeque<>(seen);
    while (!open.isEmpty()) {
      String at = open.pop();
      if (graph.outputs().contains(at)) {
        return Set.of();
      }
      for (int position : graph.consumers(at)) {
        NodeProto node = graph.node(position);
        if (live.contains(position) && reorders(graph, node, at)) {
          blocking.add(node.getOpType());
        } else if (live.contains(position)) {
          node.getOutputList().stream().filter(seen::add).forEach(open::add);
        }
      }
    }
    return blocking;
  }

  private static boolean reorders(Graph graph, NodeProto node, String scores) {
    return REORDERS.contains(node.getOpType())
        || (COMBINES.contains(node.getOpType())
            && !keepsClasses(graph, node, scores)
            && node.getInputList().stream()
                .filter(other -> !other.equals(scores))
                .anyMatch(other -> differs(graph, other, scores)));
  }

  /** Whether it is known to have a number for each class, which a map has ahead of its places. */
  private static boolean differs(Graph graph, String other, String scores) {
    int rank = graph.shapes().shape(scores).map(shape -> shape.length).orElse(2);
    long[] shape = graph.shapes().shape(other).orElse(new long[0]);
    int axis = shape.length - (rank == 4 ? 3 : 1);
    return axis >= 0 && shape[axis] > 1;
  }

  private static boolean keepsClasses(Graph graph, NodeProto node, String tensor) {
    boolean first = node.getInput(0).equals(tensor);
    String other = node.getInputCount() == 2 ? node.getInput(first ? 1 : 0) : "";
    return switch (node.getOpType()) {
      case "Add" -> number(graph, other) || sameMap(graph, tensor, other);
      case "Mul" -> number(graph, other);
      case "Div", "Sub" -> first && number(graph, other);
      case "Resize" -> Reach.factor(graph, node) > 0;
      default -> false;
    };
  }

  /** Scores of the same pixels, made beside these; of a map the classes are always the same. */
  private static boolean sameMap(Graph graph, String tensor, String other) {
    long[] map = graph.shapes().shape(tensor).orElse(new long[0]);
    return map.length == 4
        && map[2] * map[3] > 1
        && Arrays.equals(map, graph.shapes().shape(other).orElse(new long[0]));
  }

  private static boolean number(Graph graph, String tensor) {
    return Constant.resolve(graph, tensor)
        .filter(other -> other.obstacle() == null && other.size() == 1 && other.dims().length < 3)
        .isPresent();
  }

  /** Rank of a layer's output, from the declared outputs behind it; 0 if they do not say. */
  static int rank(Graph graph, Layer layer) {
    String at = layer.output();
    int gained = 0;
    while (true) {
      Optional<long[]> shape = graph.shapes().shape(at);
      if (shape.isPresent()) {
        return shape.get().length + gained;
      }
      Optional<NodeProto> next =
          graph.consumers(at).stream().map(graph::node).filter(Tail::looksThrough).findFirst();
      if (next.isEmpty() || RESHAPING.contains(next.get().getOpType())) {
        return 0;
      }
      gained += dropsItsAxis(next.get()) ? 1 : 0;
      at = next.get().getOutput(0);
    }
  }

  private static boolean dropsItsAxis(NodeProto node) {
    return node.getOpType().equals("ArgMax") && Graph.integer(node, "keepdims", 1) == 0;
  }
}

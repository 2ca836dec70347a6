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

/** Traces a graph's outputs back, through Softmax and similar operators, to their last layers. */
final class Tail {
  private static final String NOTHING_TO_TRAIN =
      "The graph has no parametrised layer (Gemm, MatMul or convolution with constant weights):"
          + " there is nothing to train. Export the model with its weights as initializers.";

  private static final Set<String> PASS_THROUGH =
      Set.of("Softmax", "LogSoftmax", "Sigmoid", "Dropout", "Identity", "Cast", "ArgMax");
  private static final Set<String> RESHAPING = Set.of("Flatten", "Squeeze");

  /** Operators that may change the class order if another operand differs between classes. */
  private static final Set<String> COMBINING =
      Set.of("Add", "Sub", "Mul", "Div", "Sum", "Mean", "Max", "Min");

  private static final Set<String> REORDERING =
      Set.of("BatchNormalization", "Gemm", "MatMul", "Conv", "ConvTranspose");

  private static final Set<String> AROUND_QUANTIZED =
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
    return PASS_THROUGH.contains(node.getOpType()) || RESHAPING.contains(node.getOpType());
  }

  /** Returns the error message for a graph without layers. */
  static String nothingToTrain(Graph graph) {
    String calls =
        graph.proto().getNodeList().stream()
            .filter(Graph::calls)
            .map(call -> "`" + call.getOpType() + "`")
            .distinct()
            .collect(Collectors.joining(", "));
    return calls.isEmpty()
        ? NOTHING_TO_TRAIN
        : "The graph has no parametrised layer outside functions written for another opset (%s), which cannot be inlined: export the whole model for one opset."
            .formatted(calls);
  }

  /** Returns the only linear layer behind the outputs, for {@code auto}. */
  Layer lastLayer() throws OnnxException {
    if (byOutput.isEmpty()) {
      throw new OnnxException(nothingToTrain(graph));
    }
    Map<String, Layer> ends = new LinkedHashMap<>();
    graph.outputs().forEach(out -> behind(out).ifPresent(layer -> ends.put(layer.output(), layer)));
    dropInnerLayers(ends);
    if (ends.isEmpty()) {
      throw new OnnxException(noLayerBehind());
    }
    if (ends.size() > 1) {
      throw new OnnxException(
          "The graph ends in %d layers (`%s`), and auto cannot choose one: name the tensor to cut at."
              .formatted(ends.size(), String.join("`, `", ends.keySet())));
    }
    Layer layer = ends.values().iterator().next();
    if (layer.kind() == Layer.Kind.QUANTIZED) {
      throw new OnnxException(quantized(graph, List.copyOf(byOutput.values()), List.of(layer)));
    }
    if (!layer.linear()) {
      throw new OnnxException(
          "The last layer (output `%s`) %s, but auto needs a plain linear layer. %s"
              .formatted(layer.output(), layer.obstacle(), remedy(layer)));
    }
    return layer;
  }

  private static String remedy(Layer layer) {
    return layer.weight() != null && layer.weight().obstacle() != null
        ? "Export the model in float32 with constant folding."
        : "To train the layer as it is, cut at -1 or name a tensor.";
  }

  /** Returns the layer whose output is the logits: the one behind an output, or else the last. */
  Layer endOf(List<Layer> layers) {
    return graph.outputs().stream()
        .flatMap(output -> behind(output).stream())
        .findFirst()
        .orElse(layers.get(layers.size() - 1));
  }

  private Optional<Layer> behind(String output) {
    String current = output;
    while (!byOutput.containsKey(current)) {
      Optional<NodeProto> node = graph.producer(current);
      if (node.isEmpty() || !looksThrough(node.get())) {
        return integersBehind(current);
      }
      current = node.get().getInput(0);
    }
    return Optional.ofNullable(byOutput.get(current));
  }

  /** Returns an integer layer behind the scales and additions around it. */
  private Optional<Layer> integersBehind(String tensor) {
    String current = tensor;
    while (true) {
      Layer layer = byOutput.get(current);
      if (layer != null) {
        return Optional.of(layer).filter(found -> found.kind() == Layer.Kind.QUANTIZED);
      }
      Optional<NodeProto> node = graph.producer(current);
      if (node.isEmpty()
          || !(looksThrough(node.get()) || AROUND_QUANTIZED.contains(node.get().getOpType()))) {
        return Optional.empty();
      }
      current = dataOf(node.get());
    }
  }

  /** Returns the input that is neither constant nor a quantisation scale. */
  private String dataOf(NodeProto node) {
    return node.getInputList().stream()
        .filter(input -> !graph.constant(input) && !isScale(input))
        .findFirst()
        .orElse(node.getInput(0));
  }

  private boolean isScale(String tensor) {
    Optional<NodeProto> node = graph.producer(tensor);
    if (node.isEmpty()) {
      return false;
    }
    boolean dynamic = node.get().getOpType().equals("DynamicQuantizeLinear");
    return (dynamic && !node.get().getOutput(0).equals(tensor))
        || (node.get().getOpType().equals("Mul")
            && node.get().getInputList().stream()
                .allMatch(input -> graph.constant(input) || isScale(input)));
  }

  private void dropInnerLayers(Map<String, Layer> ends) {
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
    String outputs =
        graph.outputs().stream()
            .map(output -> "`" + output + "` is produced by " + sourceOperator(output))
            .collect(Collectors.joining(", "));
    List<Layer> layers = List.copyOf(byOutput.values());
    boolean integer = layers.get(layers.size() - 1).kind() == Layer.Kind.QUANTIZED;
    return ("The model does not end in a linear layer: output %s. For an encoder, pool its last"
            + " hidden state and train a new head on the result; %s.")
        .formatted(
            outputs,
            integer
                ? "its own layers are int8 and cannot be trained"
                : "otherwise cut at -1 or at a named tensor");
  }

  private String sourceOperator(String output) {
    String current = output;
    Optional<NodeProto> node = graph.producer(current);
    while (node.isPresent() && looksThrough(node.get())) {
      current = node.get().getInput(0);
      node = graph.producer(current);
    }
    return node.map(NodeProto::getOpType).orElse("no node (it is an input or a constant)");
  }

  /** Returns the error message for integer layers, with a cut that is valid. */
  static String quantized(Graph graph, List<Layer> all, List<Layer> integers) {
    Layer last = integers.get(integers.size() - 1);
    long after = all.stream().filter(layer -> layer.position() > last.position()).count();
    String reason =
        "The layer with output `%s` %s, and integer weights cannot be trained. "
            .formatted(last.output(), last.obstacle());
    if (after > 0) {
      return reason
          + "The last float cut is -%d, at `%s`."
              .formatted(after, all.get(all.size() - (int) after).data());
    }
    return reason
        + ("The last float tensor before it is `%s`: train a new head on it, or export the last"
                + " layer in float32.")
            .formatted(floatBefore(graph, last.data()));
  }

  private static String floatBefore(Graph graph, String data) {
    String current = data;
    Optional<NodeProto> node = graph.producer(current);
    while (node.isPresent()
        && (node.get().getOpType().endsWith("QuantizeLinear")
            || node.get().getOpType().equals("DequantizeLinear"))) {
      current = node.get().getInput(0);
      node = graph.producer(current);
    }
    return current;
  }

  /**
   * Follows a last layer's output through operators that scale or shift all classes alike or
   * upsample by an integer factor. Returns the tensor that the model's probabilities come from.
   */
  static String answer(Graph graph, String output) {
    Set<Integer> live = graph.needed(Set.of(), graph.outputs());
    String current = output;
    while (!graph.outputs().contains(current)) {
      List<Integer> users = graph.consumers(current).stream().filter(live::contains).toList();
      if (users.size() != 1 || !keepsClasses(graph, graph.node(users.get(0)), current)) {
        return current;
      }
      current = graph.node(users.get(0)).getOutput(0);
    }
    return current;
  }

  /**
   * Returns the operators between the logits and the model outputs that may change the class order;
   * empty if an output keeps the order or the effect is unknown.
   */
  static Set<String> leftOut(Graph graph, String logits) {
    Set<Integer> live = graph.needed(Set.of(), graph.outputs());
    Set<String> blocking = new TreeSet<>();
    Set<String> seen = new HashSet<>(Set.of(logits));
    Deque<String> pending = new ArrayDeque<>(seen);
    while (!pending.isEmpty()) {
      String current = pending.pop();
      if (graph.outputs().contains(current)) {
        return Set.of();
      }
      for (int position : graph.consumers(current)) {
        NodeProto node = graph.node(position);
        if (live.contains(position) && reorders(graph, node, current)) {
          blocking.add(node.getOpType());
        } else if (live.contains(position)) {
          node.getOutputList().stream().filter(seen::add).forEach(pending::add);
        }
      }
    }
    return blocking;
  }

  private static boolean reorders(Graph graph, NodeProto node, String logits) {
    return REORDERING.contains(node.getOpType())
        || (COMBINING.contains(node.getOpType())
            && !keepsClasses(graph, node, logits)
            && node.getInputList().stream()
                .filter(other -> !other.equals(logits))
                .anyMatch(other -> hasValuePerClass(graph, other, logits)));
  }

  /** Returns whether a tensor is known to have a value per class (on a map, at axis -3). */
  private static boolean hasValuePerClass(Graph graph, String other, String logits) {
    int rank = graph.shapes().shape(logits).map(shape -> shape.length).orElse(2);
    long[] shape = graph.shapes().shape(other).orElse(new long[0]);
    int axis = shape.length - (rank == 4 ? 3 : 1);
    return axis >= 0 && shape[axis] > 1;
  }

  private static boolean keepsClasses(Graph graph, NodeProto node, String tensor) {
    boolean first = node.getInput(0).equals(tensor);
    String other = node.getInputCount() == 2 ? node.getInput(first ? 1 : 0) : "";
    return switch (node.getOpType()) {
      case "Add" -> isScalar(graph, other) || sameMap(graph, tensor, other);
      case "Mul" -> isScalar(graph, other);
      case "Div", "Sub" -> first && isScalar(graph, other);
      case "Resize" -> Reach.factor(graph, node) > 0;
      default -> false;
    };
  }

  /** Returns whether both tensors are maps of the same shape, such as scores of the same pixels. */
  private static boolean sameMap(Graph graph, String tensor, String other) {
    long[] map = graph.shapes().shape(tensor).orElse(new long[0]);
    return map.length == 4
        && map[2] * map[3] > 1
        && Arrays.equals(map, graph.shapes().shape(other).orElse(new long[0]));
  }

  private static boolean isScalar(Graph graph, String tensor) {
    return Constant.resolve(graph, tensor)
        .filter(other -> other.obstacle() == null && other.size() == 1 && other.dims().length < 3)
        .isPresent();
  }

  /** Returns the rank of a layer's output, inferred from tensors after it; 0 if unknown. */
  static int rank(Graph graph, Layer layer) {
    String current = layer.output();
    int droppedAxes = 0;
    while (true) {
      Optional<long[]> shape = graph.shapes().shape(current);
      if (shape.isPresent()) {
        return shape.get().length + droppedAxes;
      }
      Optional<NodeProto> next =
          graph.consumers(current).stream().map(graph::node).filter(Tail::looksThrough).findFirst();
      if (next.isEmpty() || RESHAPING.contains(next.get().getOpType())) {
        return 0;
      }
      droppedAxes += dropsAxis(next.get()) ? 1 : 0;
      current = next.get().getOutput(0);
    }
  }

  private static boolean dropsAxis(NodeProto node) {
    return node.getOpType().equals("ArgMax") && Graph.integer(node, "keepdims", 1) == 0;
  }
}

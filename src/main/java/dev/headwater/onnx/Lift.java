package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Constant;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layer;
import dev.headwater.onnx.graph.Layers;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns the trainable constants of a head's nodes into named parameters. Other uses of the same
 * constant (in the backbone, in a subgraph) stay unchanged.
 *
 * <p>A weight behind Transpose, Identity or Cast is lifted as the layer reads it. The last layer is
 * brought into canonical form: Gemm's alpha and beta are folded into the values, the bias has one
 * value per class, and an Add after a Conv becomes the Conv's bias.
 */
final class Lift {
  /** Trainable inputs by operator; Add and Mul are filtered further by {@code isTrainable}. */
  private static final Map<String, List<Integer>> TRAINABLE =
      Map.ofEntries(
          Map.entry("Gemm", List.of(0, 1, 2)),
          Map.entry("MatMul", List.of(0, 1)),
          Map.entry("Einsum", List.of(0, 1)),
          Map.entry("Conv", List.of(1, 2)),
          Map.entry("ConvTranspose", List.of(1, 2)),
          Map.entry("FusedGemm", List.of(1, 2)),
          Map.entry("FusedMatMul", List.of(0, 1)),
          Map.entry("FusedConv", List.of(1, 2)),
          Map.entry("BiasGelu", List.of(1)),
          Map.entry("FastGelu", List.of(1)),
          Map.entry("SkipLayerNormalization", List.of(2, 3, 4)),
          Map.entry("SkipSimplifiedLayerNormalization", List.of(2, 3)),
          Map.entry("LayerNormalization", List.of(1, 2)),
          Map.entry("RMSNormalization", List.of(1)),
          Map.entry("SimplifiedLayerNormalization", List.of(1)),
          Map.entry("BatchNormalization", List.of(1, 2)),
          Map.entry("InstanceNormalization", List.of(1, 2)),
          Map.entry("GroupNormalization", List.of(1, 2)),
          Map.entry("PRelu", List.of(1)),
          Map.entry("LSTM", List.of(1, 2, 3)),
          Map.entry("GRU", List.of(1, 2, 3)),
          Map.entry("RNN", List.of(1, 2, 3)),
          Map.entry("Add", List.of(0, 1)),
          Map.entry("Mul", List.of(0, 1)));

  private final Graph graph;

  /** Operators that compute a weight from another constant, which is then trained instead. */
  private static final Set<String> WEIGHT_OPERATORS =
      Set.of(
          ("Abs Add BatchNormalization Cast Clip Div Expand Flatten Gather Identity LpNormalization Max Mul Pow ReduceL2"
                  + " ReduceMean ReduceSum ReduceSumSquare Reshape Slice Split Sqrt Squeeze Sub Transpose"
                  + " Unsqueeze")
              .split(" "));

  private final Layer last;
  private final Set<Integer> head;
  private final List<NodeProto> nodes;

  /** Visited nodes that compute weights; several paths may lead to one node. */
  private final Set<Integer> visitedProducers = new HashSet<>();

  private final Set<Integer> headOnly = new HashSet<>();
  private final Map<Key, Lifted> lifted = new LinkedHashMap<>();
  private @Nullable String lastWeight;
  private @Nullable String lastBias;

  /**
   * @param ofLast whether the weight is in the last layer: only there may the class count grow
   */
  private record Key(
      String source, boolean ofLast, boolean transposed, float factor, List<Long> shape) {}

  /** One input of a node that computes a weight. */
  private record Use(int position, int input) {}

  /** A weight under its provisional name. */
  private record Lifted(String name, Constant constant, float factor, long[] shape) {}

  /**
   * The graph with the head's weights renamed, and those weights.
   *
   * @param weight the name of the last layer's weight; null if that layer is not linear
   * @param bias the name of the last layer's bias; null if it has none
   */
  record Result(
      Graph graph, List<Parameter> parameters, @Nullable String weight, @Nullable String bias) {

    /** Returns why a head layer keeps its weight from the file; empty if it is trainable. */
    Optional<String> fixed(Graph original, Layer layer) {
      Constant constant = layer.weight();
      String output = Graph.output(original.node(layer.position()));
      NodeProto node = graph.producer(output).orElse(null);
      if (constant == null || constant.obstacle() == null || node == null) {
        return Optional.empty();
      }
      String applied = node.getInput(layer.weightInput());
      Set<String> sources = new HashSet<>(Set.of(applied));
      graph
          .needed(Set.of(), sources)
          .forEach(position -> sources.addAll(Graph.uses(graph.node(position))));
      return parameters.stream().anyMatch(parameter -> sources.contains(parameter.name()))
          ? Optional.empty()
          : Optional.of(
              "The layer with output `%s` is not trained because its weight `%s` %s: export the model in float32 with constant folding."
                  .formatted(output, constant.source(), constant.obstacle()));
    }
  }

  private Lift(Graph graph, Cut cut) {
    this.graph = graph;
    this.last = cut.last();
    this.head = cut.head();
    this.nodes = new ArrayList<>(graph.proto().getNodeList());
  }

  static Result of(Graph graph, Cut cut) {
    Lift lift = new Lift(graph, cut);
    for (int position : cut.head()) {
      lift.visit(position);
    }
    return lift.finish();
  }

  private void visit(int position) {
    NodeProto node = nodes.get(position);
    if (last.linear() && position == last.position()) {
      lastLayer(node);
    } else if (!(last.linear() && position == last.last())) {
      TRAINABLE.getOrDefault(node.getOpType(), List.of()).forEach(input -> lift(position, input));
    }
  }

  private void lift(int position, int input) {
    NodeProto node = nodes.get(position);
    boolean elementwise = node.getOpType().equals("Add") || node.getOpType().equals("Mul");
    Optional<Constant> constant =
        input < node.getInputCount()
            ? Constant.resolve(graph, node.getInput(input))
            : Optional.empty();
    if (constant.filter(c -> c.obstacle() == null).isPresent()) {
      if (elementwise ? isTrainable(node, constant.get()) : Layers.weighs(node, constant.get())) {
        rename(position, input, constant.get(), 1, constant.get().dims());
      }
    } else if (constant.isPresent() && !elementwise) {
      liftSources(graph.producerPosition(node.getInput(input)));
    }
  }

  /** Lifts the sources of a computed weight, such as one normalised to length 1 on each use. */
  private void liftSources(int position) {
    Deque<Use> pending = new ArrayDeque<>();
    pushInputs(position, pending);
    while (!pending.isEmpty()) {
      Use use = pending.pop();
      String tensor = graph.node(use.position()).getInput(use.input());
      Optional<Constant> source = Constant.resolve(graph, tensor);
      NodeProto producer = graph.node(use.position());
      if (source
          .filter(c -> c.obstacle() == null && isTrainable(producer, c) && !isMask(c))
          .isPresent()) {
        rename(use.position(), use.input(), source.get(), 1, source.get().dims());
      } else {
        pushInputs(graph.producerPosition(tensor), pending);
      }
    }
  }

  /** Pushes the node's inputs, the first on top, if it computes a weight and is not yet visited. */
  private void pushInputs(int position, Deque<Use> pending) {
    if (position < 0
        || !WEIGHT_OPERATORS.contains(graph.node(position).getOpType())
        || !visitedProducers.add(position)
        || !usedOnlyByHead(position)) {
      return;
    }
    NodeProto node = graph.node(position);
    boolean batchNorm = node.getOpType().equals("BatchNormalization"); // statistics stay
    int inputs = batchNorm ? Math.min(3, node.getInputCount()) : node.getInputCount();
    for (int input = inputs - 1; input >= 0; input--) {
      pending.push(new Use(position, input));
    }
  }

  /** Returns whether only the head uses the node's outputs. */
  private boolean usedOnlyByHead(int position) {
    Set<String> outputs = Set.copyOf(graph.outputs());
    Set<Integer> seen = new HashSet<>(Set.of(position));
    Deque<Integer> pending = new ArrayDeque<>(seen);
    while (!pending.isEmpty()) {
      for (String output : graph.node(pending.pop()).getOutputList()) {
        if (outputs.contains(output)) {
          return false;
        }
        for (int user : graph.consumers(output)) {
          if (head.contains(user) || headOnly.contains(user)) {
            continue;
          }
          if (!graph.constant(graph.node(user).getOutput(0))) {
            return false;
          }
          if (seen.add(user)) {
            pending.push(user);
          }
        }
      }
    }
    return headOnly.addAll(seen);
  }

  /** Returns whether the constant is a 0/1 mask, for example of a pruned network. */
  private static boolean isMask(Constant constant) {
    for (float value : constant.values()) {
      if (value != 0 && value != 1) {
        return false;
      }
    }
    return true;
  }

  /** Added values at or below this are masks: they are not plausible weights. */
  private static final float MASK_THRESHOLD = -100;

  /** Returns false for a single value and for a mask, additive or of factors 0 and 1. */
  private static boolean isTrainable(NodeProto node, Constant constant) {
    boolean added = node.getOpType().equals("Add");
    boolean zero = false;
    boolean one = false;
    for (float value : constant.values()) {
      zero |= value == 0;
      one |= value == 1;
      if (!Float.isFinite(value) || (added && value <= MASK_THRESHOLD)) {
        return false;
      }
    }
    boolean selects = node.getOpType().equals("Mul") && zero && one && isMask(constant);
    return constant.size() != 1 && !selects;
  }

  private void lastLayer(NodeProto node) {
    boolean gemm = last.kind() == Layer.Kind.GEMM;
    Constant weight = last.weights();
    float alpha = gemm ? floatAttribute(node, "alpha") : 1;
    lastWeight = rename(last.position(), last.weightInput(), weight, alpha, weight.dims());
    if (gemm) {
      nodes.set(last.position(), withoutScales(nodes.get(last.position())));
    }
    Constant bias = last.bias();
    if (bias != null) {
      long[] shape = {last.width(graph, true)};
      boolean ownBias = last.last() == last.position();
      if (last.kind() == Layer.Kind.CONV && !ownBias) {
        absorbAdd();
        lastBias = rename(last.position(), 2, bias, 1, shape);
      } else {
        float beta = ownBias && gemm ? floatAttribute(node, "beta") : 1;
        lastBias = rename(last.last(), last.biasInput(), bias, beta, shape);
      }
    }
  }

  private void absorbAdd() {
    NodeProto conv = nodes.get(last.position());
    NodeProto.Builder biased = conv.toBuilder();
    while (biased.getInputCount() < 3) {
      biased.addInput("");
    }
    NodeProto add = nodes.get(last.last());
    nodes.set(last.position(), biased.setInput(2, add.getInput(last.biasInput())).build());
    nodes.set(
        last.last(),
        add.toBuilder().setOpType("Identity").clearInput().addInput(conv.getOutput(0)).build());
  }

  private static float floatAttribute(NodeProto node, String name) {
    return node.getAttributeList().stream()
        .filter(attribute -> attribute.getName().equals(name))
        .map(AttributeProto::getF)
        .findFirst()
        .orElse(1f);
  }

  private static NodeProto withoutScales(NodeProto gemm) {
    NodeProto.Builder result = gemm.toBuilder().clearAttribute();
    gemm.getAttributeList().stream()
        .filter(attribute -> !Set.of("alpha", "beta").contains(attribute.getName()))
        .forEach(result::addAttribute);
    return result.build();
  }

  private String rename(int position, int input, Constant constant, float factor, long[] shape) {
    Key key =
        new Key(
            source(nodes.get(position).getInput(input)),
            last.linear() && (position == last.position() || position == last.last()),
            constant.transposed(),
            factor,
            Arrays.stream(shape).boxed().toList());
    Lifted weight =
        lifted.computeIfAbsent(
            key, k -> new Lifted(graph.unused("lifted/" + lifted.size()), constant, factor, shape));
    nodes.set(position, nodes.get(position).toBuilder().setInput(input, weight.name()).build());
    return weight.name();
  }

  /**
   * Follows Transpose and Cast, but not Identity: PyTorch stores equal weights once and derives the
   * others by Identity.
   */
  private String source(String tensor) {
    String current = tensor;
    Optional<NodeProto> node = graph.producer(current);
    while (node.filter(n -> Set.of("Transpose", "Cast").contains(n.getOpType())).isPresent()) {
      current = node.get().getInput(0);
      node = graph.producer(current);
    }
    return current;
  }

  /** Names each weight after its source if nothing else uses that source. */
  private Result finish() {
    Set<String> usedNames = namesStillUsed();
    Map<String, String> names = new HashMap<>();
    List<Parameter> parameters = new ArrayList<>();
    for (Lifted weight : lifted.values()) {
      String source = weight.constant().source();
      String name = usedNames.contains(source) ? graph.unused(source + ".head") : source;
      for (int i = 2; !usedNames.add(name); i++) {
        name = graph.unused(source + ".head" + i);
      }
      names.put(weight.name(), name);
      parameters.add(new Parameter(name, weight.shape(), values(weight)));
    }
    GraphProto.Builder renamed = graph.proto().toBuilder().clearNode().clearInitializer();
    nodes.forEach(node -> renamed.addNode(renamed(node, names)));
    Set<String> parameterNames = Set.copyOf(names.values());
    graph.proto().getInitializerList().stream()
        .filter(tensor -> !parameterNames.contains(tensor.getName()))
        .forEach(renamed::addInitializer);
    return new Result(
        new Graph(withoutProducersOf(parameterNames, renamed)),
        List.copyOf(parameters),
        names.get(lastWeight),
        names.get(lastBias));
  }

  private Set<String> namesStillUsed() {
    GraphProto.Builder patched = graph.proto().toBuilder().clearNode().addAllNode(nodes);
    GraphProto live = new Graph(patched.build()).slice(Set.of(), graph.outputs()).build();
    Set<String> used = new HashSet<>(graph.outputs());
    live.getNodeList().forEach(node -> used.addAll(Graph.uses(node)));
    return used;
  }

  private static NodeProto renamed(NodeProto node, Map<String, String> names) {
    NodeProto.Builder renamed = node.toBuilder();
    for (int i = 0; i < node.getInputCount(); i++) {
      renamed.setInput(i, names.getOrDefault(node.getInput(i), node.getInput(i)));
    }
    return renamed.build();
  }

  /** Drops Constant nodes and graph inputs whose names the parameters have taken over. */
  private static GraphProto withoutProducersOf(Set<String> names, GraphProto.Builder graph) {
    List<NodeProto> kept =
        graph.getNodeList().stream()
            .filter(node -> node.getOutputList().stream().noneMatch(names::contains))
            .toList();
    var inputs =
        graph.getInputList().stream().filter(input -> !names.contains(input.getName())).toList();
    return graph.clearNode().addAllNode(kept).clearInput().addAllInput(inputs).build();
  }

  private static float[] values(Lifted weight) {
    float[] stored = weight.constant().values();
    int size = Math.toIntExact(Arrays.stream(weight.shape()).reduce(1, Math::multiplyExact));
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      float value = stored[stored.length == size ? i : 0];
      values[i] = weight.factor() == 1 ? value : value * weight.factor();
    }
    return values;
  }
}

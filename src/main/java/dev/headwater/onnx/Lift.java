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
 * Replaces the weights a head's nodes are applied with by names of their own, leaving every other
 * use of the same constant (in the backbone, in a subgraph) as it was.
 *
 * <p>A weight behind Transpose, Identity or Cast is lifted as the layer eats it. The last layer is
 * brought to plain form on the way: Gemm's alpha and beta are multiplied into the values, its bias
 * is one number a class, and an Add after a Conv becomes the Conv's own bias.
 */
final class Lift {
  /** Inputs that training may change, by operator; Add and Mul have their own rule. */
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

  /** By which a weight is made of another that learns in its place. */
  private static final Set<String> MAKES =
      Set.of(
          ("Abs Add BatchNormalization Cast Clip Div Expand Flatten Gather Identity LpNormalization Max Mul Pow ReduceL2"
                  + " ReduceMean ReduceSum ReduceSumSquare Reshape Slice Split Sqrt Squeeze Sub Transpose"
                  + " Unsqueeze")
              .split(" "));

  private final Layer last;
  private final Set<Integer> head;
  private final List<NodeProto> nodes;

  /** Nodes that make weights, seen already: many ways may lead to one. */
  private final Set<Integer> makers = new HashSet<>();

  private final Set<Integer> ofHead = new HashSet<>();
  private final Map<Key, Lifted> lifted = new LinkedHashMap<>();
  private @Nullable String lastWeight;
  private @Nullable String lastBias;

  /**
   * @param ofLast for that layer's weights may grow with the classes, and no others
   */
  private record Key(
      String source, boolean ofLast, boolean transposed, float factor, List<Long> shape) {}

  /** One input of a node that makes a weight. */
  private record Use(int position, int input) {}

  /** A weight under its provisional name. */
  private record Lifted(String name, Constant constant, float factor, long[] shape) {}

  /**
   * The graph with its head's weights renamed, and those weights.
   *
   * @param weight the name of the last layer's weight; null where that layer is not linear
   * @param bias the name of its bias; null where it has none
   */
  record Result(
      Graph graph, List<Parameter> parameters, @Nullable String weight, @Nullable String bias) {

    /** Why a layer of the head is applied with the weight in the file whatever is learned. */
    Optional<String> fixed(Graph original, Layer layer) {
      Constant constant = layer.weight();
      String made = Graph.output(original.node(layer.position()));
      NodeProto node = graph.producer(made).orElse(null);
      if (constant == null || constant.obstacle() == null || node == null) {
        return Optional.empty();
      }
      String applied = node.getInput(layer.weightInput());
      Set<String> sources = new HashSet<>(Set.of(applied));
      graph
          .needed(Set.of(), sources)
          .forEach(maker -> sources.addAll(Graph.uses(graph.node(maker))));
      return parameters.stream().anyMatch(parameter -> sources.contains(parameter.name()))
          ? Optional.empty()
          : Optional.of(
              "The layer that makes `%s` stays as it is, for its weight `%s` %s: export the network in float32 with its constants folded."
                  .formatted(made, constant.source(), constant.obstacle()));
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
      if (elementwise ? learns(node, constant.get()) : Layers.weighs(node, constant.get())) {
        rename(position, input, constant.get(), 1, constant.get().dims());
      }
    } else if (constant.isPresent() && !elementwise) {
      liftSources(graph.producerPosition(node.getInput(input)));
    }
  }

  /** Of a weight that is computed, as one that is brought to length 1 each time it is used. */
  private void liftSources(int position) {
    Deque<Use> open = new ArrayDeque<>();
    open(position, open);
    while (!open.isEmpty()) {
      Use use = open.pop();
      String tensor = graph.node(use.position()).getInput(use.input());
      Optional<Constant> source = Constant.resolve(graph, tensor);
      NodeProto maker = graph.node(use.position());
      if (source.filter(c -> c.obstacle() == null && learns(maker, c) && !masks(c)).isPresent()) {
        rename(use.position(), use.input(), source.get(), 1, source.get().dims());
      } else {
        open(graph.producerPosition(tensor), open);
      }
    }
  }

  /** Its inputs, the first on top, where it makes a weight and was not seen yet. */
  private void open(int position, Deque<Use> open) {
    if (position < 0
        || !MAKES.contains(graph.node(position).getOpType())
        || !makers.add(position)
        || !ofHead(position)) {
      return;
    }
    NodeProto node = graph.node(position);
    boolean normal = node.getOpType().equals("BatchNormalization"); // running statistics stay
    int inputs = normal ? Math.min(3, node.getInputCount()) : node.getInputCount();
    for (int input = inputs - 1; input >= 0; input--) {
      open.push(new Use(position, input));
    }
  }

  /** Whether the head alone uses what the node makes. */
  private boolean ofHead(int position) {
    Set<String> outputs = Set.copyOf(graph.outputs());
    Set<Integer> seen = new HashSet<>(Set.of(position));
    Deque<Integer> open = new ArrayDeque<>(seen);
    while (!open.isEmpty()) {
      for (String output : graph.node(open.pop()).getOutputList()) {
        if (outputs.contains(output)) {
          return false;
        }
        for (int user : graph.consumers(output)) {
          if (head.contains(user) || ofHead.contains(user)) {
            continue;
          }
          if (!graph.constant(graph.node(user).getOutput(0))) {
            return false;
          }
          if (seen.add(user)) {
            open.push(user);
          }
        }
      }
    }
    return ofHead.addAll(seen);
  }

  /** Whether it takes weights away, as of a network that was pruned. */
  private static boolean masks(Constant constant) {
    for (float value : constant.values()) {
      if (value != 0 && value != 1) {
        return false;
      }
    }
    return true;
  }

  /** Less than a weight is, and what masks hide with where it is not minus infinity. */
  private static final float HIDES = -100;

  /** Neither a lone factor nor a mask, which hides what it is added to or multiplies by 0 and 1. */
  private static boolean learns(NodeProto node, Constant constant) {
    boolean added = node.getOpType().equals("Add");
    boolean zero = false;
    boolean one = false;
    for (float value : constant.values()) {
      zero |= value == 0;
      one |= value == 1;
      if (!Float.isFinite(value) || (added && value <= HIDES)) {
        return false;
      }
    }
    boolean chooses = node.getOpType().equals("Mul") && zero && one && masks(constant);
    return constant.size() != 1 && !chooses;
  }

  private void lastLayer(NodeProto node) {
    boolean gemm = last.kind() == Layer.Kind.GEMM;
    Constant weight = last.weights();
    float alpha = gemm ? real(node, "alpha") : 1;
    lastWeight = rename(last.position(), last.weightInput(), weight, alpha, weight.dims());
    if (gemm) {
      nodes.set(last.position(), plain(nodes.get(last.position())));
    }
    Constant bias = last.bias();
    if (bias != null) {
      long[] shape = {last.width(graph, true)};
      boolean own = last.last() == last.position();
      if (last.kind() == Layer.Kind.CONV && !own) {
        absorbAdd();
        lastBias = rename(last.position(), 2, bias, 1, shape);
      } else {
        float beta = own && gemm ? real(node, "beta") : 1;
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

  private static float real(NodeProto node, String name) {
    return node.getAttributeList().stream()
        .filter(attribute -> attribute.getName().equals(name))
        .map(AttributeProto::getF)
        .findFirst()
        .orElse(1f);
  }

  private static NodeProto plain(NodeProto gemm) {
    NodeProto.Builder plain = gemm.toBuilder().clearAttribute();
    gemm.getAttributeList().stream()
        .filter(attribute -> !Set.of("alpha", "beta").contains(attribute.getName()))
        .forEach(plain::addAttribute);
    return plain.build();
  }

  private String rename(int position, int input, Constant constant, float factor, long[] shape) {
    Key key =
        new Key(
            own(nodes.get(position).getInput(input)),
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

  /** Of weights that are equal PyTorch stores one, and has the others made of it by Identity. */
  private String own(String tensor) {
    String at = tensor;
    Optional<NodeProto> made = graph.producer(at);
    while (made.filter(n -> Set.of("Transpose", "Cast").contains(n.getOpType())).isPresent()) {
      at = made.get().getInput(0);
      made = graph.producer(at);
    }
    return at;
  }

  /** Gives each weight its source's name where nothing else uses that source any more. */
  private Result finish() {
    Set<String> taken = namesStillUsed();
    Map<String, String> names = new HashMap<>();
    List<Parameter> parameters = new ArrayList<>();
    for (Lifted weight : lifted.values()) {
      String source = weight.constant().source();
      String name = taken.contains(source) ? graph.unused(source + ".head") : source;
      for (int i = 2; !taken.add(name); i++) {
        name = graph.unused(source + ".head" + i);
      }
      names.put(weight.name(), name);
      parameters.add(new Parameter(name, weight.shape(), values(weight)));
    }
    GraphProto.Builder renamed = graph.proto().toBuilder().clearNode().clearInitializer();
    nodes.forEach(node -> renamed.addNode(renamed(node, names)));
    Set<String> own = Set.copyOf(names.values());
    graph.proto().getInitializerList().stream()
        .filter(tensor -> !own.contains(tensor.getName()))
        .forEach(renamed::addInitializer);
    return new Result(
        new Graph(withoutMakersOf(own, renamed)),
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

  /** Drops the Constant nodes whose output's name a parameter has taken over, and old inputs. */
  private static GraphProto withoutMakersOf(Set<String> names, GraphProto.Builder graph) {
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

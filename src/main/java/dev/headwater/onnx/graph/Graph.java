package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A main graph, indexed. Nodes are known by their position, which is a topological order.
 *
 * <p>What a node uses includes what its subgraphs (of If, Loop, Scan) capture from outside.
 */
public final class Graph {
  private static final Set<String> RANDOM =
      Set.of(
          "RandomNormal",
          "RandomUniform",
          "RandomNormalLike",
          "RandomUniformLike",
          "Multinomial",
          "Bernoulli");

  private static final Set<String> DOMAINS = Set.of("", "ai.onnx", "com.microsoft");

  private final GraphProto proto;
  private final Map<String, Integer> producers = new HashMap<>();
  private final Map<String, List<Integer>> consumers = new HashMap<>();
  private final Map<String, TensorProto> initializers = new HashMap<>();
  private final Set<String> constants = new HashSet<>();
  private final Shapes shapes;

  public Graph(GraphProto proto) {
    this.proto = proto;
    proto.getInitializerList().forEach(tensor -> initializers.put(tensor.getName(), tensor));
    constants.addAll(initializers.keySet());
    proto.getSparseInitializerList().forEach(s -> constants.add(s.getValues().getName()));
    for (int i = 0; i < proto.getNodeCount(); i++) {
      index(i, proto.getNode(i));
    }
    this.shapes = new Shapes(this, proto);
  }

  private void index(int position, NodeProto node) {
    Set<String> uses = uses(node);
    uses.forEach(used -> consumers.computeIfAbsent(used, u -> new ArrayList<>()).add(position));
    node.getOutputList().forEach(output -> producers.put(output, position));
    if (constants.containsAll(uses) && !RANDOM.contains(node.getOpType())) {
      constants.addAll(node.getOutputList());
    }
  }

  public GraphProto proto() {
    return proto;
  }

  public Shapes shapes() {
    return shapes;
  }

  public NodeProto node(int position) {
    return proto.getNode(position);
  }

  public Optional<NodeProto> producer(String tensor) {
    return Optional.ofNullable(producers.get(tensor)).map(proto::getNode);
  }

  /** Position of the node that makes the tensor; -1 for inputs and initializers. */
  public int producerPosition(String tensor) {
    return producers.getOrDefault(tensor, -1);
  }

  public List<Integer> consumers(String tensor) {
    return consumers.getOrDefault(tensor, List.of());
  }

  Optional<TensorProto> initializer(String tensor) {
    return Optional.ofNullable(initializers.get(tensor));
  }

  /** Whether the tensor is the same whatever the graph is fed. */
  public boolean constant(String tensor) {
    return constants.contains(tensor);
  }

  /** Whether there is such a tensor in the main graph. */
  public boolean has(String tensor) {
    return !tensor.isEmpty()
        && (producers.containsKey(tensor)
            || constants.contains(tensor)
            || proto.getInputList().stream().anyMatch(input -> input.getName().equals(tensor)));
  }

  /** What must be fed: inputs that are not merely overridable initializers (IR version 3). */
  public static List<ValueInfoProto> inputs(GraphProto proto) {
    Set<String> stored = new HashSet<>();
    proto.getInitializerList().forEach(tensor -> stored.add(tensor.getName()));
    return proto.getInputList().stream().filter(in -> !stored.contains(in.getName())).toList();
  }

  /** As {@link #inputs(GraphProto)}. */
  public List<ValueInfoProto> inputs() {
    return inputs(proto);
  }

  public List<String> outputs() {
    return proto.getOutputList().stream().map(ValueInfoProto::getName).toList();
  }

  /** The given nodes and all that depend on them, in topological order. */
  public Set<Integer> withDescendants(Collection<Integer> nodes) {
    Set<Integer> found = new TreeSet<>(nodes);
    Deque<Integer> open = new ArrayDeque<>(nodes);
    while (!open.isEmpty()) {
      node(open.pop()).getOutputList().stream()
          .flatMap(output -> consumers(output).stream())
          .filter(found::add)
          .forEach(open::push);
    }
    return found;
  }

  /** Nodes after those that make what they use, and else in their order. */
  public static List<NodeProto> ordered(List<NodeProto> nodes) {
    Map<String, NodeProto> makers = new HashMap<>();
    nodes.forEach(node -> node.getOutputList().forEach(output -> makers.put(output, node)));
    Set<NodeProto> placed = Collections.newSetFromMap(new IdentityHashMap<>());
    List<NodeProto> ordered = new ArrayList<>();
    for (NodeProto wanted : nodes) {
      Deque<NodeProto> open = new ArrayDeque<>(List.of(wanted));
      while (!open.isEmpty()) {
        NodeProto node = open.peek();
        List<NodeProto> before =
            uses(node).stream()
                .map(makers::get)
                .filter(maker -> maker != null && !placed.contains(maker))
                .toList();
        before.forEach(open::push);
        if (before.isEmpty() && placed.add(open.pop())) {
          ordered.add(node);
        }
      }
    }
    return ordered;
  }

  /** The positions of the nodes needed to compute {@code wanted} when {@code given} is fed. */
  public Set<Integer> needed(Set<String> given, Collection<String> wanted) {
    Set<Integer> found = new TreeSet<>();
    Deque<String> open = new ArrayDeque<>(wanted);
    while (!open.isEmpty()) {
      String tensor = open.pop();
      int producer = given.contains(tensor) ? -1 : producerPosition(tensor);
      if (producer >= 0 && found.add(producer)) {
        open.addAll(uses(node(producer)));
      }
    }
    return found;
  }

  /**
   * The smallest graph that computes {@code wanted} when {@code given} is fed; it has its nodes,
   * initializers and declarations, and no inputs or outputs yet.
   */
  public GraphProto.Builder slice(Set<String> given, Collection<String> wanted) {
    GraphProto.Builder slice =
        GraphProto.newBuilder().setName(proto.getName()).setDocString(proto.getDocString());
    Set<String> used = new HashSet<>(wanted);
    Set<String> made = new HashSet<>();
    for (int position : needed(given, wanted)) {
      slice.addNode(node(position));
      used.addAll(uses(node(position)));
      made.addAll(node(position).getOutputList());
    }
    used.removeAll(given);
    proto.getInitializerList().stream()
        .filter(tensor -> used.contains(tensor.getName()))
        .forEach(slice::addInitializer);
    proto.getSparseInitializerList().stream()
        .filter(tensor -> used.contains(tensor.getValues().getName()))
        .forEach(slice::addSparseInitializer);
    proto.getValueInfoList().stream()
        .filter(value -> made.contains(value.getName()) && !wanted.contains(value.getName()))
        .forEach(slice::addValueInfo);
    proto.getQuantizationAnnotationList().stream()
        .filter(note -> made.contains(note.getTensorName()))
        .forEach(slice::addQuantizationAnnotation);
    return slice;
  }

  /** A name that no tensor of this graph has, inner graphs included. */
  public String unused(String wish) {
    Set<String> taken = new HashSet<>(producers.keySet());
    taken.addAll(consumers.keySet());
    taken.addAll(constants);
    proto.getInputList().forEach(input -> taken.add(input.getName()));
    proto.getNodeList().stream()
        .flatMap(node -> attributeGraphs(node).stream())
        .forEach(inner -> collectNames(inner, taken));
    String name = wish;
    for (int i = 2; taken.contains(name); i++) {
      name = wish + "_" + i;
    }
    return name;
  }

  static void collectNames(GraphProto inner, Set<String> names) {
    inner.getInputList().forEach(input -> names.add(input.getName()));
    inner.getInitializerList().forEach(tensor -> names.add(tensor.getName()));
    for (NodeProto node : inner.getNodeList()) {
      names.addAll(node.getOutputList());
      attributeGraphs(node).forEach(graph -> collectNames(graph, names));
    }
  }

  /** The tensors a node needs, its subgraphs' captures included. */
  public static Set<String> uses(NodeProto node) {
    Set<String> uses = new LinkedHashSet<>(node.getInputList());
    uses.addAll(captured(node));
    uses.remove("");
    return uses;
  }

  /** What a node's subgraphs use from outside of them. */
  public static Set<String> captured(NodeProto node) {
    Set<String> captured = new LinkedHashSet<>();
    attributeGraphs(node).forEach(graph -> captured.addAll(captures(graph)));
    return captured;
  }

  private static Set<String> captures(GraphProto inner) {
    Set<String> own = new HashSet<>();
    Set<String> captured = new LinkedHashSet<>();
    inner.getInputList().forEach(input -> own.add(input.getName()));
    inner.getInitializerList().forEach(tensor -> own.add(tensor.getName()));
    inner.getSparseInitializerList().forEach(sparse -> own.add(sparse.getValues().getName()));
    for (NodeProto node : inner.getNodeList()) {
      uses(node).stream().filter(used -> !own.contains(used)).forEach(captured::add);
      own.addAll(node.getOutputList());
    }
    inner.getOutputList().stream()
        .map(ValueInfoProto::getName)
        .filter(output -> !own.contains(output))
        .forEach(captured::add);
    return captured;
  }

  static List<GraphProto> attributeGraphs(NodeProto node) {
    return node.getAttributeList().stream()
        .flatMap(
            attribute ->
                Stream.concat(
                    attribute.hasG() ? Stream.of(attribute.getG()) : Stream.empty(),
                    attribute.getGraphsList().stream()))
        .toList();
  }

  /** The first of its outputs that is not left out. */
  public static String output(NodeProto node) {
    return node.getOutputList().stream().filter(out -> !out.isEmpty()).findFirst().orElse("");
  }

  /** Whether its operator is one of ONNX's, or of those that ONNX Runtime adds. */
  public static boolean standard(NodeProto node) {
    return DOMAINS.contains(node.getDomain());
  }

  /** Whether it calls a function that was not spelt out, for it is written for another opset. */
  public static boolean calls(NodeProto node) {
    return !Checks.NEWEST_OPSETS.containsKey(node.getDomain());
  }

  /**
   * The graph without inputs of nodes that are left out at their end: they say nothing, and ONNX
   * Runtime crashes on some.
   */
  public static GraphProto trimmed(GraphProto graph) {
    GraphProto.Builder trimmed = graph.toBuilder().clearNode();
    graph.getNodeList().forEach(node -> trimmed.addNode(trimmed(node)));
    return trimmed.build();
  }

  private static NodeProto trimmed(NodeProto node) {
    int inputs = node.getInputCount();
    while (inputs > 0 && node.getInput(inputs - 1).isEmpty()) {
      inputs--;
    }
    NodeProto.Builder trimmed = node.toBuilder();
    trimmed.clearInput().addAllInput(node.getInputList().subList(0, inputs));
    for (AttributeProto.Builder attribute : trimmed.getAttributeBuilderList()) {
      if (attribute.hasG()) {
        attribute.setG(trimmed(attribute.getG()));
      }
    }
    return trimmed.build();
  }

  /** An attribute of a node, if it is given. */
  public static Optional<AttributeProto> attribute(NodeProto node, String name) {
    return node.getAttributeList().stream().filter(a -> a.getName().equals(name)).findFirst();
  }

  /** An integer attribute of a node. */
  public static long integer(NodeProto node, String name, long otherwise) {
    return attribute(node, name).map(AttributeProto::getI).orElse(otherwise);
  }
}

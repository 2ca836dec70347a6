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
 * An index of a main graph. A position identifies a node; positions are in topological order.
 *
 * <p>The tensors that a node uses include captures of its subgraphs (If, Loop, Scan) from the outer
 * scope.
 */
public final class Graph {
  private static final Set<String> RANDOM_OPERATORS =
      Set.of(
          "RandomNormal",
          "RandomUniform",
          "RandomNormalLike",
          "RandomUniformLike",
          "Multinomial",
          "Bernoulli");

  private static final Set<String> STANDARD_DOMAINS = Set.of("", "ai.onnx", "com.microsoft");

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
    if (constants.containsAll(uses) && !RANDOM_OPERATORS.contains(node.getOpType())) {
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

  /** Returns the position of the node that produces the tensor; -1 for inputs and initializers. */
  public int producerPosition(String tensor) {
    return producers.getOrDefault(tensor, -1);
  }

  public List<Integer> consumers(String tensor) {
    return consumers.getOrDefault(tensor, List.of());
  }

  Optional<TensorProto> initializer(String tensor) {
    return Optional.ofNullable(initializers.get(tensor));
  }

  /** Returns whether the tensor's value does not depend on the graph inputs. */
  public boolean constant(String tensor) {
    return constants.contains(tensor);
  }

  /** Returns whether the main graph has this tensor. */
  public boolean has(String tensor) {
    return !tensor.isEmpty()
        && (producers.containsKey(tensor)
            || constants.contains(tensor)
            || proto.getInputList().stream().anyMatch(input -> input.getName().equals(tensor)));
  }

  /** Returns the required inputs: those that are not overridable initializers (IR version 3). */
  public static List<ValueInfoProto> inputs(GraphProto proto) {
    Set<String> initialized = new HashSet<>();
    proto.getInitializerList().forEach(tensor -> initialized.add(tensor.getName()));
    return proto.getInputList().stream()
        .filter(input -> !initialized.contains(input.getName()))
        .toList();
  }

  /** Returns the required inputs; see {@link #inputs(GraphProto)}. */
  public List<ValueInfoProto> inputs() {
    return inputs(proto);
  }

  public List<String> outputs() {
    return proto.getOutputList().stream().map(ValueInfoProto::getName).toList();
  }

  /** Returns these nodes and all nodes that depend on them, in topological order. */
  public Set<Integer> withDescendants(Collection<Integer> nodes) {
    Set<Integer> found = new TreeSet<>(nodes);
    Deque<Integer> pending = new ArrayDeque<>(nodes);
    while (!pending.isEmpty()) {
      node(pending.pop()).getOutputList().stream()
          .flatMap(output -> consumers(output).stream())
          .filter(found::add)
          .forEach(pending::push);
    }
    return found;
  }

  /** Sorts nodes topologically and otherwise keeps their order. */
  public static List<NodeProto> ordered(List<NodeProto> nodes) {
    Map<String, NodeProto> producerOf = new HashMap<>();
    nodes.forEach(node -> node.getOutputList().forEach(output -> producerOf.put(output, node)));
    Set<NodeProto> placed = Collections.newSetFromMap(new IdentityHashMap<>());
    List<NodeProto> sorted = new ArrayList<>();
    for (NodeProto next : nodes) {
      Deque<NodeProto> pending = new ArrayDeque<>(List.of(next));
      while (!pending.isEmpty()) {
        NodeProto node = pending.peek();
        List<NodeProto> unplaced =
            uses(node).stream()
                .map(producerOf::get)
                .filter(producer -> producer != null && !placed.contains(producer))
                .toList();
        unplaced.forEach(pending::push);
        if (unplaced.isEmpty() && placed.add(pending.pop())) {
          sorted.add(node);
        }
      }
    }
    return sorted;
  }

  /** Returns the positions of the nodes that compute {@code outputs} from {@code inputs}. */
  public Set<Integer> needed(Set<String> inputs, Collection<String> outputs) {
    Set<Integer> found = new TreeSet<>();
    Deque<String> pending = new ArrayDeque<>(outputs);
    while (!pending.isEmpty()) {
      String tensor = pending.pop();
      int producer = inputs.contains(tensor) ? -1 : producerPosition(tensor);
      if (producer >= 0 && found.add(producer)) {
        pending.addAll(uses(node(producer)));
      }
    }
    return found;
  }

  /**
   * Returns the smallest graph that computes {@code outputs} from {@code inputs}, with nodes,
   * initializers and value info. The caller declares its inputs and outputs.
   */
  public GraphProto.Builder slice(Set<String> inputs, Collection<String> outputs) {
    GraphProto.Builder slice =
        GraphProto.newBuilder().setName(proto.getName()).setDocString(proto.getDocString());
    Set<String> used = new HashSet<>(outputs);
    Set<String> produced = new HashSet<>();
    for (int position : needed(inputs, outputs)) {
      slice.addNode(node(position));
      used.addAll(uses(node(position)));
      produced.addAll(node(position).getOutputList());
    }
    used.removeAll(inputs);
    proto.getInitializerList().stream()
        .filter(tensor -> used.contains(tensor.getName()))
        .forEach(slice::addInitializer);
    proto.getSparseInitializerList().stream()
        .filter(tensor -> used.contains(tensor.getValues().getName()))
        .forEach(slice::addSparseInitializer);
    proto.getValueInfoList().stream()
        .filter(value -> produced.contains(value.getName()) && !outputs.contains(value.getName()))
        .forEach(slice::addValueInfo);
    proto.getQuantizationAnnotationList().stream()
        .filter(note -> produced.contains(note.getTensorName()))
        .forEach(slice::addQuantizationAnnotation);
    return slice;
  }

  /** Returns a name that no tensor of this graph or its subgraphs has. */
  public String unused(String preferred) {
    Set<String> taken = new HashSet<>(producers.keySet());
    taken.addAll(consumers.keySet());
    taken.addAll(constants);
    proto.getInputList().forEach(input -> taken.add(input.getName()));
    proto.getNodeList().stream()
        .flatMap(node -> attributeGraphs(node).stream())
        .forEach(inner -> collectNames(inner, taken));
    String name = preferred;
    for (int i = 2; taken.contains(name); i++) {
      name = preferred + "_" + i;
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

  /** Returns the tensors that a node uses, including captures of its subgraphs. */
  public static Set<String> uses(NodeProto node) {
    Set<String> uses = new LinkedHashSet<>(node.getInputList());
    uses.addAll(captured(node));
    uses.remove("");
    return uses;
  }

  /** Returns the tensors that a node's subgraphs capture from the outer scope. */
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

  /** Returns the node's first output that is not omitted. */
  public static String output(NodeProto node) {
    return node.getOutputList().stream().filter(out -> !out.isEmpty()).findFirst().orElse("");
  }

  /** Returns whether the operator is defined by ONNX or is an ONNX Runtime contrib operator. */
  public static boolean standard(NodeProto node) {
    return STANDARD_DOMAINS.contains(node.getDomain());
  }

  /** Returns whether the node calls a function that is not inlined: it targets another opset. */
  public static boolean calls(NodeProto node) {
    return !Checks.NEWEST_OPSETS.containsKey(node.getDomain());
  }

  /**
   * Returns the graph with omitted trailing node inputs removed. They carry no information, and
   * ONNX Runtime crashes on some of them.
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

  /** Returns a node's attribute, if present. */
  public static Optional<AttributeProto> attribute(NodeProto node, String name) {
    return node.getAttributeList().stream().filter(a -> a.getName().equals(name)).findFirst();
  }

  /** Returns a node's integer attribute, or the default. */
  public static long integer(NodeProto node, String name, long defaultValue) {
    return attribute(node, name).map(AttributeProto::getI).orElse(defaultValue);
  }
}

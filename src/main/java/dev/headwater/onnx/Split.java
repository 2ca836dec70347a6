package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Numbers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * A model split into {@link #backbone} and {@link #head}, which together compute the same outputs.
 *
 * <p>The head's weights are graph inputs, and those of the last layer have a dynamic class axis.
 * One session can therefore run every version of a head, with any number of classes. Immutable.
 */
public final class Split {
  private final ModelProto header;
  private final Graph graph;
  private final Optional<OnnxFile> original;
  private final List<String> features;
  private final int dim;
  private final Logits logits;
  private final List<Slot> slots;
  private final List<Parameter> parameters;
  private final List<String> fixed;
  private final Optional<LinearLayer> linear;
  private final int depth;

  /** A parameter's name, its shape in the file, and its class axis (-1 for none). */
  record Slot(String name, long[] shape, int classAxis) {
    void check(Parameter parameter) {
      boolean matches = parameter.shape().length == shape.length;
      for (int axis = 0; matches && axis < shape.length; axis++) {
        matches = axis == classAxis || parameter.shape()[axis] == shape[axis];
      }
      if (!matches) {
        throw new IllegalArgumentException(
            "parameter `%s` has shape %s, expected %s"
                .formatted(name, Arrays.toString(parameter.shape()), Arrays.toString(shape)));
      }
    }
  }

  /**
   * The logits of the head.
   *
   * @param classAxis the class axis; -1 for the last axis
   * @param classes number of classes in the file; 0 for an untrained head
   */
  record Logits(String name, int classAxis, int classes) {}

  /**
   * The properties of a split, as determined by {@link OnnxFile}.
   *
   * @param depth number of layers of the head
   * @param fixed see {@link Split#fixed}
   */
  record Spec(
      int depth,
      List<String> features,
      int dim,
      Logits logits,
      List<Slot> slots,
      List<Parameter> parameters,
      List<String> fixed,
      Optional<LinearLayer> linear) {}

  /**
   * @param header the model without its graph
   * @param graph the graph in which the head's weights are only named, neither stored nor computed
   * @param original the model of the file; empty for a new head
   */
  Split(ModelProto header, Graph graph, Optional<OnnxFile> original, Spec spec) {
    this.header = header;
    this.graph = graph;
    this.original = original;
    this.features = spec.features();
    this.dim = spec.dim();
    this.logits = spec.logits();
    this.slots = spec.slots();
    this.parameters = spec.parameters();
    this.fixed = spec.fixed();
    this.linear = spec.linear();
    this.depth = spec.depth();
  }

  /** Returns the tensors that cross the cut: more than one if a skip connection crosses it. */
  public List<String> features() {
    return features;
  }

  /** Returns the feature dimension if the cut is one [N, dim] tensor; otherwise -1. */
  public int dim() {
    return dim;
  }

  /** Returns the output of the last layer, before Softmax or similar: the head's first output. */
  public String logits() {
    return logits.name();
  }

  /** Returns the number of classes of the head in the file; 0 if unknown. */
  public int classes() {
    return logits.classes();
  }

  /**
   * Returns the head's weights as stored in the file. For an untrained head, returns the initial
   * values of its hidden layers; its last layer has none yet.
   */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** Returns the names of the head's weights, including those of an untrained head. */
  public List<String> parameterNames() {
    return slots.stream().map(Slot::name).toList();
  }

  /** Returns the class axis of a parameter; -1 if it has none. */
  public int classAxis(String parameter) {
    return slots.stream()
        .filter(slot -> slot.name().equals(parameter))
        .mapToInt(Slot::classAxis)
        .findFirst()
        .orElse(-1);
  }

  /** Returns a parameter's shape for a number of classes, if the head's class count can change. */
  public long[] shape(String parameter, int classes) {
    Slot slot = slots.stream().filter(s -> s.name().equals(parameter)).findFirst().orElseThrow();
    long[] shape = slot.shape().clone();
    if (slot.classAxis() >= 0) {
      shape[slot.classAxis()] = classes;
    }
    return shape;
  }

  /**
   * Returns the shape of each of {@link #features} for one record, without the batch axis. A
   * dynamic or unknown dimension is -1; the shape is empty if the rank is unknown.
   */
  public List<Optional<long[]>> featureShapes() {
    return features.stream()
        .map(graph.shapes()::shape)
        .map(shape -> shape.filter(s -> s.length > 0).map(s -> Arrays.copyOfRange(s, 1, s.length)))
        .toList();
  }

  /**
   * Returns the height and width of the logits of a dense head; empty for another head, or if the
   * file does not fix them.
   */
  public Optional<int[]> logitsMap() {
    // named weights have no shape, so shapes come from the original graph
    Graph whole = original.map(OnnxFile::graph).orElse(graph);
    return whole
        .shapes()
        .shape(logits.name())
        .filter(shape -> shape.length == 4 && shape[2] > 0 && shape[3] > 0)
        .filter(shape -> Math.max(shape[2], shape[3]) <= Integer.MAX_VALUE)
        .filter(shape -> shape[2] * shape[3] > 1)
        .map(shape -> new int[] {(int) shape[2], (int) shape[3]});
  }

  /**
   * Returns the radius of the head's receptive field, in pixels of its features.
   *
   * @throws OnnxException if a node of the head is not local or changes the resolution
   */
  public int reach() throws OnnxException {
    Map<String, long[]> weights = new HashMap<>();
    slots.forEach(slot -> weights.put(slot.name(), slot.shape()));
    return Reach.of(headModel().getGraph(), features, weights, logits.name());
  }

  /**
   * Returns, as a whole sentence, which operators after the logits change the class order; empty if
   * the model ranks classes as the logits do.
   */
  public Optional<String> leftOut() {
    // named weights have no shape, so shapes come from the original graph
    Set<String> after = Tail.leftOut(original.map(OnnxFile::graph).orElse(graph), logits.name());
    return after.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "Predictions are computed from the logits `%s` and ignore later operators (%s): export the model without them, or with them before the last layer."
                .formatted(logits.name(), String.join(", ", after)));
  }

  /** Returns the layers that training does not change, and why, as whole sentences. */
  public List<String> fixed() {
    return fixed;
  }

  /**
   * Returns the nearest cut {@code -N} that matches the condition, as {@code -N, at `tensor`};
   * empty if there is none. Prefers the deepest that is no deeper than this cut, then the next
   * deeper.
   */
  public Optional<String> nearestCut(Predicate<Split> condition) {
    return original.flatMap(whole -> whole.nearestCut(depth, condition));
  }

  Graph graph() {
    return graph;
  }

  /** Returns the head's linear layer; present if the head is one, so its class count can change. */
  public Optional<LinearLayer> linear() {
    return linear;
  }

  /** Returns the backbone as ONNX, from the model inputs to {@link #features}. */
  public byte[] backbone() {
    GraphProto.Builder backbone = graph.slice(inputNames(), features);
    backbone.addAllInput(graph.inputs());
    features.forEach(feature -> backbone.addOutput(Declared.asIs(graph, feature)));
    return file(backbone);
  }

  /**
   * Returns the head as ONNX. Its inputs are {@link #features} and every parameter by name; its
   * outputs are {@link #logits} and then the model outputs after the cut.
   */
  public byte[] head() {
    return head(List.of());
  }

  /**
   * Returns the head as ONNX with these parameters as initializers; see {@link #head()}.
   *
   * @param stored all parameters, or none to keep them as inputs
   * @throws IllegalArgumentException if a parameter is missing, unknown or has another shape
   */
  public byte[] head(List<Parameter> stored) {
    return headModel(stored).toByteArray();
  }

  /** Returns the head as a parsed model; see {@link #head()}. */
  public ModelProto headModel() {
    return headModel(List.of());
  }

  private ModelProto headModel(List<Parameter> stored) {
    Set<String> given = new HashSet<>(features);
    slots.forEach(slot -> given.add(slot.name()));
    List<String> outputs = new ArrayList<>(List.of(logits.name()));
    Set<String> inHead = headTensors();
    graph.outputs().stream()
        .filter(output -> inHead.contains(output) && !output.equals(logits.name()))
        .forEach(outputs::add);
    GraphProto.Builder head = graph.slice(given, outputs).clearValueInfo();
    boolean dense = logitsMap().isPresent();
    features.forEach(
        feature ->
            head.addInput(
                dense // it also runs on tiles of a map
                    ? Declared.rankOnly(graph, feature)
                    : Declared.feature(graph, feature, dim)));
    if (stored.isEmpty()) {
      slots.forEach(s -> head.addInput(Declared.parameter(s.name(), s.shape(), s.classAxis())));
    } else {
      check(stored);
      stored.forEach(p -> head.addInitializer(Numbers.tensor(p.name(), p.shape(), p.values())));
    }
    outputs.forEach(output -> head.addOutput(Declared.rankOnly(graph, output)));
    return header.toBuilder().setGraph(head).build();
  }

  /**
   * Returns the whole model with these weights as one ONNX file, with the original inputs and
   * outputs.
   *
   * @param adapted every parameter of the head; the class axis may have grown
   * @throws IllegalArgumentException if a parameter is missing, unknown or has another shape
   */
  public byte[] merge(List<Parameter> adapted) {
    int classes = check(adapted);
    GraphProto.Builder whole = graph.proto().toBuilder();
    adapted.forEach(p -> whole.addInitializer(Numbers.tensor(p.name(), p.shape(), p.values())));
    GraphProto.Builder merged = new Graph(whole.build()).slice(inputNames(), graph.outputs());
    Set<String> inHead = headTensors();
    List<ValueInfoProto> kept =
        merged.getValueInfoList().stream().filter(v -> !inHead.contains(v.getName())).toList();
    merged.clearValueInfo().addAllValueInfo(kept).addAllInput(graph.inputs());
    Classes axes = Classes.from(graph, logits.name(), logits.classAxis());
    graph
        .proto()
        .getOutputList()
        .forEach(
            output ->
                merged.addOutput(
                    classes == logits.classes() || !inHead.contains(output.getName())
                        ? output
                        : axes.resized(output, logits.classes(), classes)));
    return file(merged);
  }

  private int check(List<Parameter> adapted) {
    Set<String> given = adapted.stream().map(Parameter::name).collect(Collectors.toSet());
    Set<String> expected = slots.stream().map(Slot::name).collect(Collectors.toSet());
    if (!given.equals(expected) || adapted.size() != slots.size()) {
      throw new IllegalArgumentException(
          "the head has the parameters %s, got %s".formatted(expected, given));
    }
    Set<Integer> classes = new HashSet<>();
    for (Parameter parameter : adapted) {
      for (Slot slot : slots) {
        if (slot.name().equals(parameter.name())) {
          slot.check(parameter);
          if (slot.classAxis() >= 0) {
            classes.add(Math.toIntExact(parameter.shape()[slot.classAxis()]));
          }
        }
      }
    }
    if (classes.size() > 1) {
      throw new IllegalArgumentException(
          "weight and bias of the last layer have different numbers of classes: " + classes);
    }
    return classes.stream().findFirst().orElse(logits.classes());
  }

  private Set<String> inputNames() {
    return graph.inputs().stream().map(ValueInfoProto::getName).collect(Collectors.toSet());
  }

  /** Returns the tensors that depend on a parameter. */
  private Set<String> headTensors() {
    List<Integer> starts =
        slots.stream().flatMap(slot -> graph.consumers(slot.name()).stream()).toList();
    return graph.withDescendants(starts).stream()
        .flatMap(position -> graph.node(position).getOutputList().stream())
        .collect(Collectors.toSet());
  }

  private byte[] file(GraphProto.Builder part) {
    return header.toBuilder().setGraph(part).build().toByteArray();
  }
}

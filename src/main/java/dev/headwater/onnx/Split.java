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
 * A network cut in two: {@link #backbone} and {@link #head}, run one after the other, give what the
 * whole gave.
 *
 * <p>The head's weights are inputs of its graph, those of the last layer with a dynamic class axis:
 * one session serves every version of a head, also one that knows more classes. Immutable.
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

  /** A parameter's place: its shape in the file, and which axis counts classes (-1 for none). */
  record Slot(String name, long[] shape, int classAxis) {
    void check(Parameter parameter) {
      boolean fits = parameter.shape().length == shape.length;
      for (int axis = 0; fits && axis < shape.length; axis++) {
        fits = axis == classAxis || parameter.shape()[axis] == shape[axis];
      }
      if (!fits) {
        throw new IllegalArgumentException(
            "parameter `%s` has shape %s, but the head wants %s"
                .formatted(name, Arrays.toString(parameter.shape()), Arrays.toString(shape)));
      }
    }
  }

  /**
   * Where the head's scores are.
   *
   * @param classAxis -1 for the last
   * @param classes how many there are in the file; 0 where a head has yet to be trained
   */
  record Logits(String name, int classAxis, int classes) {}

  /**
   * What {@link OnnxFile} found out about the cut.
   *
   * @param depth how many layers the head has
   * @param fixed as {@link Split#fixed}
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
   * @param graph with the head's weights only named: neither stored nor computed
   * @param original as in the file; empty where the head is a new one
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

  /** The tensors that cross the cut: more than one where a skip connection does. */
  public List<String> features() {
    return features;
  }

  /** Length of one feature vector where the cut is one [N, dim] tensor; else -1. */
  public int dim() {
    return dim;
  }

  /** Output of the last layer, before Softmax and its like: the head's first output. */
  public String logits() {
    return logits.name();
  }

  /** How many classes the head in the file tells apart; 0 where that is not known. */
  public int classes() {
    return logits.classes();
  }

  /**
   * The head's weights as they are in the file. Where a head has yet to be trained: the initial
   * values of its hidden layers; its last layer has none yet.
   */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** The names of the head's weights, also where it has yet to be trained. */
  public List<String> parameterNames() {
    return slots.stream().map(Slot::name).toList();
  }

  /** The axis along which a parameter counts classes; -1 where it has none. */
  public int classAxis(String parameter) {
    return slots.stream()
        .filter(slot -> slot.name().equals(parameter))
        .mapToInt(Slot::classAxis)
        .findFirst()
        .orElse(-1);
  }

  /** The shape of a parameter where there are so many classes, if the head can have them. */
  public long[] shape(String parameter, int classes) {
    Slot slot = slots.stream().filter(s -> s.name().equals(parameter)).findFirst().orElseThrow();
    long[] shape = slot.shape().clone();
    if (slot.classAxis() >= 0) {
      shape[slot.classAxis()] = classes;
    }
    return shape;
  }

  /**
   * The shape of each of {@link #features} for one record, the batch axis dropped and -1 where a
   * dimension varies or is not known; empty where not even the rank is known.
   */
  public List<Optional<long[]>> featureShapes() {
    return features.stream()
        .map(graph.shapes()::shape)
        .map(shape -> shape.filter(s -> s.length > 0).map(s -> Arrays.copyOfRange(s, 1, s.length)))
        .toList();
  }

  /**
   * The height and width of the logits; empty where the head does not answer place by place, or the
   * file does not fix how many places there are.
   */
  public Optional<int[]> logitsMap() {
    // a weight that is only named has no shape
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
   * How far around a place the head looks, in pixels of its features.
   *
   * @throws OnnxException where it does not answer place by place, at one resolution
   */
  public int reach() throws OnnxException {
    Map<String, long[]> weights = new HashMap<>();
    slots.forEach(slot -> weights.put(slot.name(), slot.shape()));
    return Reach.of(headModel().getGraph(), features, weights, logits.name());
  }

  /**
   * Why what is told from the logits is not what the network answers, as a whole sentence; empty
   * where the answer has the same classes ahead.
   */
  public Optional<String> leftOut() {
    // a weight that is only named has no shape
    Set<String> after = Tail.leftOut(original.map(OnnxFile::graph).orElse(graph), logits.name());
    return after.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "Its logits `%s` are not what the network answers, for %s follows them, and predictions would be told without that: export it without, or with that before the last layer."
                .formatted(logits.name(), String.join(", ", after)));
  }

  /** What of its layers no training changes, and why, as whole sentences. */
  public List<String> fixed() {
    return fixed;
  }

  /**
   * Of the cuts {@code -N} that fit, the deepest that is no deeper than this one, or else the next
   * deeper one, as {@code -N, at `tensor`}; empty where there is none.
   */
  public Optional<String> nearestCut(Predicate<Split> fits) {
    return original.flatMap(whole -> whole.nearestCut(depth, fits));
  }

  Graph graph() {
    return graph;
  }

  /** Present where the head is one linear layer, whose class count may therefore change. */
  public Optional<LinearLayer> linear() {
    return linear;
  }

  /** ONNX, from the original inputs to {@link #features}. */
  public byte[] backbone() {
    GraphProto.Builder backbone = graph.slice(inputNames(), features);
    backbone.addAllInput(graph.inputs());
    features.forEach(feature -> backbone.addOutput(Declared.asIs(graph, feature)));
    return file(backbone);
  }

  /**
   * ONNX, from {@link #features} and every parameter, by name, to {@link #logits}; then to those of
   * the original outputs that come after the cut.
   */
  public byte[] head() {
    return head(List.of());
  }

  /**
   * As {@link #head()}, with these parameters inside instead of among the inputs.
   *
   * @throws IllegalArgumentException if there are any, and one is missing, unknown or of another
   *     shape
   */
  public byte[] head(List<Parameter> stored) {
    return headModel(stored).toByteArray();
  }

  /** What {@link #head()} is the bytes of. */
  public ModelProto headModel() {
    return headModel(List.of());
  }

  private ModelProto headModel(List<Parameter> stored) {
    Set<String> given = new HashSet<>(features);
    slots.forEach(slot -> given.add(slot.name()));
    List<String> wanted = new ArrayList<>(List.of(logits.name()));
    Set<String> made = madeInHead();
    graph.outputs().stream()
        .filter(output -> made.contains(output) && !output.equals(logits.name()))
        .forEach(wanted::add);
    GraphProto.Builder head = graph.slice(given, wanted).clearValueInfo();
    boolean dense = logitsMap().isPresent();
    features.forEach(
        feature ->
            head.addInput(
                dense // it serves tiles of a map as well
                    ? Declared.rankOnly(graph, feature)
                    : Declared.feature(graph, feature, dim)));
    if (stored.isEmpty()) {
      slots.forEach(s -> head.addInput(Declared.parameter(s.name(), s.shape(), s.classAxis())));
    } else {
      check(stored);
      stored.forEach(p -> head.addInitializer(Numbers.tensor(p.name(), p.shape(), p.values())));
    }
    wanted.forEach(output -> head.addOutput(Declared.rankOnly(graph, output)));
    return header.toBuilder().setGraph(head).build();
  }

  /**
   * The whole network with these weights, as one ordinary ONNX file with the original's inputs and
   * outputs.
   *
   * @param adapted one for each parameter of the head, by name; the class axis may have grown
   * @throws IllegalArgumentException if one is missing, unknown or of another shape
   */
  public byte[] merge(List<Parameter> adapted) {
    int classes = check(adapted);
    GraphProto.Builder whole = graph.proto().toBuilder();
    adapted.forEach(p -> whole.addInitializer(Numbers.tensor(p.name(), p.shape(), p.values())));
    GraphProto.Builder merged = new Graph(whole.build()).slice(inputNames(), graph.outputs());
    Set<String> made = madeInHead();
    List<ValueInfoProto> kept =
        merged.getValueInfoList().stream().filter(v -> !made.contains(v.getName())).toList();
    merged.clearValueInfo().addAllValueInfo(kept).addAllInput(graph.inputs());
    Classes axes = Classes.from(graph, logits.name(), logits.classAxis());
    graph
        .proto()
        .getOutputList()
        .forEach(
            output ->
                merged.addOutput(
                    classes == logits.classes() || !made.contains(output.getName())
                        ? output
                        : axes.resized(output, logits.classes(), classes)));
    return file(merged);
  }

  private int check(List<Parameter> adapted) {
    Set<String> given = adapted.stream().map(Parameter::name).collect(Collectors.toSet());
    Set<String> wanted = slots.stream().map(Slot::name).collect(Collectors.toSet());
    if (!given.equals(wanted) || adapted.size() != slots.size()) {
      throw new IllegalArgumentException(
          "the head has the parameters %s, but was given %s".formatted(wanted, given));
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
          "weight and bias of the last layer differ in their number of classes: " + classes);
    }
    return classes.stream().findFirst().orElse(logits.classes());
  }

  private Set<String> inputNames() {
    return graph.inputs().stream().map(ValueInfoProto::getName).collect(Collectors.toSet());
  }

  /** The tensors that depend on a parameter. */
  private Set<String> madeInHead() {
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

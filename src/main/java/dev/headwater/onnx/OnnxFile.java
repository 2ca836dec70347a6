package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.headwater.onnx.graph.Branches;
import dev.headwater.onnx.graph.Checks;
import dev.headwater.onnx.graph.Functions;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layer;
import dev.headwater.onnx.graph.Layers;
import dev.headwater.onnx.graph.Spelling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** A parsed and checked ONNX model. Immutable. */
public final class OnnxFile {
  static final long LARGEST = Integer.MAX_VALUE - 8L;

  /** How many layers back a cut is looked for that would do better. */
  private static final int DEEPEST = 64;

  /** To the name of a map for that of its average. */
  private static final String AVERAGE = "/headwater.average";

  private final ModelProto model;
  private final Graph graph;

  /**
   * @param model without problems
   */
  OnnxFile(ModelProto model) {
    this.model = model;
    this.graph = new Graph(model.getGraph());
  }

  /**
   * Reads and checks the file.
   *
   * @throws OnnxException if it cannot be read, is no ONNX, keeps its weights elsewhere than beside
   *     it, needs an opset ONNX Runtime does not have, or is damaged
   */
  public static OnnxFile read(Path file) throws OnnxException {
    return checked(parsed(file), file.toString());
  }

  /** As {@link #read}, from memory. */
  public static OnnxFile parse(byte[] bytes) throws OnnxException {
    return checked(parsed(bytes, "The model"), "The model");
  }

  private static OnnxFile checked(ModelProto model, String name) throws OnnxException {
    List<String> problems = Checks.problems(model);
    if (!problems.isEmpty()) {
      throw new OnnxException(name + " cannot be used. " + String.join(" ", problems));
    }
    return of(model);
  }

  /**
   * The model with its branches, and what its squeezes drop, spelt out.
   *
   * @param model without problems
   */
  static OnnxFile of(ModelProto model) {
    ModelProto spelt = Spelling.plain(Branches.inlined(model));
    return new OnnxFile(spelt.toBuilder().setGraph(Graph.trimmed(spelt.getGraph())).build());
  }

  /**
   * The model in the file, its functions spelt out, and nothing checked but that it has a graph.
   */
  static ModelProto parsed(Path file) throws OnnxException {
    try {
      if (Files.size(file) > LARGEST) {
        throw new OnnxException(
            file + " is larger than 2 GB, which no single ONNX file can be: it is something else.");
      }
      return ExternalData.inlined(parsed(Files.readAllBytes(file), file.toString()), file);
    } catch (IOException unreadable) { // the reason is the file system's: passed on as it is
      throw new OnnxException("Cannot read " + file + ": " + unreadable, unreadable);
    }
  }

  static ModelProto parsed(byte[] bytes, String name) throws OnnxException {
    try {
      ModelProto model = ModelProto.parseFrom(bytes);
      if (!model.hasGraph() || model.getGraph().getOutputCount() == 0) {
        throw new OnnxException(
            name + " is no ONNX model: there is no graph in it. Give the .onnx file as exported.");
      }
      return Functions.inlined(model)
          .orElseThrow(
              () -> new OnnxException(name + " cannot be used: its functions call without end."));
    } catch (InvalidProtocolBufferException notProtobuf) { // another format, or cut short
      throw new OnnxException(
          name + " is no ONNX model, or is cut short: " + notProtobuf.getMessage(), notProtobuf);
    }
  }

  /** Version of the default operator set. */
  public long opset() {
    return Checks.opset(model);
  }

  /** What must be fed, as declared. */
  public List<TensorInfo> inputs() {
    return graph.inputs().stream().map(TensorInfo::of).toList();
  }

  public List<TensorInfo> outputs() {
    return model.getGraph().getOutputList().stream().map(TensorInfo::of).toList();
  }

  /**
   * Cuts the network in two.
   *
   * @param cut {@code auto}: before the last linear layer; {@code -N}: before the Nth parametrised
   *     layer from the end; a tensor's name, or several between commas
   * @throws OnnxException if there is nothing to train there, or it cannot be trained
   */
  public Split split(String cut) throws OnnxException {
    return split(at -> Cut.find(at, cut));
  }

  /**
   * Cuts the network in two at several tensors: what only they separate from the outputs is head.
   *
   * @throws OnnxException if there is nothing to train there, or it cannot be trained
   */
  public Split split(List<String> tensors) throws OnnxException {
    return split(at -> Cut.at(at, tensors));
  }

  private Split split(Cut.Finder finder) throws OnnxException {
    Sizes.Own own = Sizes.own(graph, finder);
    try {
      return split(own.graph(), own.cut());
    } catch (OnnxException refused) { // the reason is passed on, with what to do
      String elsewhere =
          nearestCut(own.cut().layers(own.graph()).size(), split -> true)
              .map("The nearest cut that can be made is %s."::formatted)
              .orElse("No cut -N can be made: train a new head on a tensor of floats.");
      throw new OnnxException(refused.getMessage() + " " + elsewhere, refused);
    }
  }

  /** As {@link #split(String)}, of a cut -N; names no other where it is refused. */
  Split tried(List<Layer> layers, int back) throws OnnxException {
    String cut = "-" + back;
    Sizes.Own own =
        Sizes.own(graph, at -> at == graph ? Cut.find(at, layers, cut) : Cut.find(at, cut));
    return split(own.graph(), own.cut());
  }

  /** As {@link Split#nearestCut}. */
  Optional<String> nearestCut(int depth, Predicate<Split> fits) {
    List<Layer> layers = Layers.of(graph);
    int most = Math.min(DEEPEST, layers.size());
    int own = Math.min(depth, most);
    for (int i = 0; i < most; i++) {
      int back = i < own ? own - i : i + 1;
      try {
        Split split = tried(layers, back);
        if (fits.test(split)) {
          return Optional.of("-%d, at `%s`".formatted(back, String.join("`, `", split.features())));
        }
      } catch (OnnxException refused) { // another may do
        continue;
      }
    }
    return Optional.empty();
  }

  private Split split(Graph graph, Cut found) throws OnnxException {
    found.requireFloats(graph);
    Layer last = found.last();
    List<Layer> layers = found.layers(graph);
    Lift.Result lifted = Lift.of(graph, found);
    List<String> fixed =
        layers.stream().flatMap(layer -> lifted.fixed(graph, layer).stream()).toList();
    if (lifted.parameters().isEmpty()) {
      throw new OnnxException(
          ("There is nothing to train there: no weight of the head is stored as numbers that it alone uses. "
                  + String.join(" ", fixed))
              .strip());
    }
    boolean conv = last.kind() == Layer.Kind.CONV;
    boolean classesFirst = last.linear() && last.classesFirst(graph);
    List<Split.Slot> slots =
        lifted.parameters().stream()
            .map(p -> new Split.Slot(p.name(), p.shape(), classAxis(p, lifted, classesFirst)))
            .toList();
    int classes = last.linear() ? last.width(graph, true) : 0;
    Optional<LinearLayer> linear =
        Optional.ofNullable(lifted.weight())
            .filter(weight -> found.linear(graph))
            .map(weight -> new LinearLayer(weight, lifted.bias(), classesFirst));
    Split.Logits logits =
        new Split.Logits(Tail.answer(graph, last.output()), conv ? 1 : -1, classes);
    return new Split(
        header(),
        lifted.graph(),
        Optional.of(this),
        new Split.Spec(
            layers.size(),
            found.features(),
            found.dim(graph),
            logits,
            slots,
            lifted.parameters(),
            fixed,
            linear));
  }

  private static int classAxis(Parameter parameter, Lift.Result lifted, boolean classesFirst) {
    if (parameter.name().equals(lifted.weight())) {
      return classesFirst ? 0 : 1;
    }
    return parameter.name().equals(lifted.bias()) ? 0 : -1;
  }

  /**
   * The network with mask-weighted mean pooling, and L2 normalisation if wanted, after its hidden
   * states; its one output is the result, [N, D].
   *
   * @param hidden a float tensor [N, T, D]
   * @param mask [N, T], 1 for a token and 0 for padding
   */
  public OnnxFile withMeanPooling(String hidden, String mask, boolean normalize)
      throws OnnxException {
    return new OnnxFile(
        header().toBuilder()
            .setGraph(Pooling.mean(graph, opset(), hidden, mask, normalize))
            .build());
  }

  /** The same, of states that all count: those of a picture's parts, say. */
  public OnnxFile withMeanPooling(String hidden, boolean normalize) throws OnnxException {
    return new OnnxFile(
        header().toBuilder().setGraph(Pooling.mean(graph, opset(), hidden, normalize)).build());
  }

  /**
   * The network with the hidden state of the first token, {@code [CLS]} of most, as its one output,
   * [N, D].
   *
   * @param hidden a float tensor [N, T, D]
   * @param normalize to length 1
   */
  public OnnxFile withFirstToken(String hidden, boolean normalize) throws OnnxException {
    return new OnnxFile(
        header().toBuilder().setGraph(Pooling.first(graph, opset(), hidden, normalize)).build());
  }

  /**
   * The network with the mean over the places of a map beside all it computes, under {@link
   * #average}; the same where the tensor is no FLOAT map [N, C, H, W] whose C the file tells.
   */
  public OnnxFile averaging(String map) {
    String name = map + AVERAGE;
    long[] shape = graph.shapes().shape(map).orElse(new long[0]);
    boolean known = shape.length == 4 && shape[1] > 0;
    boolean floats = Declared.type(graph, map) == DataType.FLOAT;
    return !known || !floats || graph.has(name)
        ? this
        : new OnnxFile(
            header().toBuilder().setGraph(Pooling.average(graph, opset(), map, name)).build());
  }

  /** The mean of a map where {@link #averaging} has put it there, else the tensor itself. */
  public String average(String tensor) {
    return graph.has(tensor + AVERAGE) ? tensor + AVERAGE : tensor;
  }

  /** As {@link #headless(String, NewHead)}, with a linear head. */
  public Split headless(String features) throws OnnxException {
    return headless(features, NewHead.LINEAR);
  }

  /**
   * The network as a backbone up to {@code features}, and a head that has yet to be trained: its
   * {@link Split#parameters} are the initial values of its hidden layers only, for the last layer
   * has no classes yet.
   *
   * @param features a float tensor [N, D] or [N, C, H, W] whose D or C the file tells
   */
  public Split headless(String features, NewHead head) throws OnnxException {
    return Headless.split(header(), graph, features, head);
  }

  /**
   * As {@link #headless(String, NewHead)}, with a head that answers for every pixel of a picture.
   *
   * @param features a float tensor [N, C, H, W] whose sizes follow from the input's, coarser than
   *     the picture by a whole factor
   * @param hidden as {@link NewHead#hidden}
   * @param height of the pictures
   */
  public Split dense(String features, List<Integer> hidden, long height, long width)
      throws OnnxException {
    return headless(features, new NewHead(hidden, Headless.scale(graph, features, height, width)));
  }

  /**
   * The network with an input's open dimensions fixed, and what follows from them.
   *
   * @param input one of {@link #inputs}
   * @param shape what to declare it; -1 leaves a dimension as it is
   */
  public OnnxFile declared(String input, long[] shape) {
    return new OnnxFile(
        Spelling.plain(
            header().toBuilder().setGraph(PictureSize.declared(graph, input, shape)).build()));
  }

  /**
   * The network as far as these tensors, which become its outputs, for inputs of another size: a
   * new head on them may stand on a map of any size, where the network's own layers may not.
   *
   * @param input one of {@link #inputs}
   * @param shape what to declare it; -1 leaves a dimension as it is
   * @param features computed in the main graph
   * @throws OnnxException naming a node on the way that takes inputs of the old size only
   */
  public OnnxFile resized(String input, long[] shape, List<String> features) throws OnnxException {
    for (String feature : features) {
      Headless.requireComputed(graph, feature);
    }
    return new OnnxFile(
        Spelling.plain(
            header().toBuilder().setGraph(PictureSize.of(graph, input, shape, features)).build()));
  }

  /**
   * ONNX, from the network's inputs to these tensors, with the weights that are in the file.
   *
   * @param features computed in the main graph, or made at the cut of one of these
   */
  public byte[] backbone(List<String> features, List<Split> splits) {
    Graph whole = crossed(features, splits);
    Set<String> given =
        graph.inputs().stream().map(input -> input.getName()).collect(Collectors.toSet());
    GraphProto.Builder backbone = whole.slice(given, features);
    backbone.addAllInput(graph.inputs());
    features.forEach(feature -> backbone.addOutput(Declared.asIs(whole, feature)));
    return header().toBuilder().setGraph(backbone).build().toByteArray();
  }

  /** What a cut turns has the same name wherever it is made. */
  private Graph crossed(List<String> features, List<Split> splits) {
    GraphProto.Builder crossed = graph.proto().toBuilder();
    features.stream()
        .filter(feature -> graph.producer(feature).isEmpty())
        .forEach(
            feature ->
                splits.stream()
                    .flatMap(split -> split.graph().producer(feature).stream())
                    .findFirst()
                    .ifPresent(crossed::addNode));
    return new Graph(crossed.build());
  }

  /** Everything but the graph. From IR version 4 on, initializers need not be inputs as well. */
  private ModelProto header() {
    return model.toBuilder()
        .clearGraph()
        .clearTrainingInfo()
        .setIrVersion(Math.max(4, model.getIrVersion()))
        .build();
  }

  Graph graph() {
    return graph;
  }
}

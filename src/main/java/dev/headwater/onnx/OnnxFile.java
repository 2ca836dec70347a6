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

  /** Depth limit of the search for another valid cut. */
  private static final int MAX_DEPTH = 64;

  /** Appended to a map's name to name its spatial mean. */
  private static final String MEAN_SUFFIX = "/headwater.average";

  private final ModelProto model;
  private final Graph graph;

  /**
   * @param model a model without {@link Checks#problems problems}
   */
  OnnxFile(ModelProto model) {
    this.model = model;
    this.graph = new Graph(model.getGraph());
  }

  /**
   * Reads and checks the file.
   *
   * @throws OnnxException if the file cannot be read, is not ONNX, is damaged, has its weights in
   *     another directory, or needs an opset that ONNX Runtime does not support
   */
  public static OnnxFile read(Path file) throws OnnxException {
    return checked(parsed(file), file.toString());
  }

  /** Parses and checks a model in memory; see {@link #read}. */
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
   * Returns the model with constant branches inlined and operators in canonical form.
   *
   * @param model a model without {@link Checks#problems problems}
   */
  static OnnxFile of(ModelProto model) {
    ModelProto spelt = Spelling.plain(Branches.inlined(model));
    return new OnnxFile(spelt.toBuilder().setGraph(Graph.trimmed(spelt.getGraph())).build());
  }

  /** Parses a file and inlines functions; checks only that the model has a graph. */
  static ModelProto parsed(Path file) throws OnnxException {
    try {
      if (Files.size(file) > LARGEST) {
        throw new OnnxException(
            file + " is larger than 2 GB, the size limit of a single ONNX file.");
      }
      return ExternalData.inlined(parsed(Files.readAllBytes(file), file.toString()), file);
    } catch (IOException unreadable) {
      throw new OnnxException("Cannot read " + file + ": " + unreadable, unreadable);
    }
  }

  static ModelProto parsed(byte[] bytes, String name) throws OnnxException {
    try {
      ModelProto model = ModelProto.parseFrom(bytes);
      if (!model.hasGraph() || model.getGraph().getOutputCount() == 0) {
        throw new OnnxException(
            name + " is not an ONNX model: it has no graph. Use the exported .onnx file.");
      }
      return Functions.inlined(model)
          .orElseThrow(
              () ->
                  new OnnxException(
                      name + " cannot be used: its function calls are recursive or too many."));
    } catch (InvalidProtocolBufferException notProtobuf) {
      throw new OnnxException(
          name + " is not an ONNX model, or is truncated: " + notProtobuf.getMessage(),
          notProtobuf);
    }
  }

  /** Returns the version of the default operator set. */
  public long opset() {
    return Checks.opset(model);
  }

  /** Returns the required graph inputs, as declared. */
  public List<TensorInfo> inputs() {
    return graph.inputs().stream().map(TensorInfo::of).toList();
  }

  public List<TensorInfo> outputs() {
    return model.getGraph().getOutputList().stream().map(TensorInfo::of).toList();
  }

  /**
   * Splits the model into backbone and head.
   *
   * @param cut {@code auto}: before the last linear layer; {@code -N}: before the Nth parametrised
   *     layer from the end; or one or more tensor names, separated by commas
   * @throws OnnxException if the head has nothing to train or cannot be trained
   */
  public Split split(String cut) throws OnnxException {
    return split(at -> Cut.find(at, cut));
  }

  /**
   * Splits the model at several tensors. Nodes that lie between them stay in the backbone.
   *
   * @throws OnnxException if the head has nothing to train or cannot be trained
   */
  public Split split(List<String> tensors) throws OnnxException {
    return split(at -> Cut.at(at, tensors));
  }

  private Split split(Cut.Finder finder) throws OnnxException {
    Sizes.Own own = Sizes.own(graph, finder);
    try {
      return split(own.graph(), own.cut());
    } catch (OnnxException invalid) {
      String alternative =
          nearestCut(own.cut().layers(own.graph()).size(), split -> true)
              .map("The nearest valid cut is %s."::formatted)
              .orElse("No cut -N is valid: train a new head on a float tensor.");
      throw new OnnxException(invalid.getMessage() + " " + alternative, invalid);
    }
  }

  /** Splits at -N like {@link #split(String)}, but suggests no other cut if this one is invalid. */
  Split tried(List<Layer> layers, int back) throws OnnxException {
    String cut = "-" + back;
    Sizes.Own own =
        Sizes.own(graph, at -> at == graph ? Cut.find(at, layers, cut) : Cut.find(at, cut));
    return split(own.graph(), own.cut());
  }

  /** Returns the nearest matching cut; see {@link Split#nearestCut}. */
  Optional<String> nearestCut(int depth, Predicate<Split> condition) {
    List<Layer> layers = Layers.of(graph);
    int maxDepth = Math.min(MAX_DEPTH, layers.size());
    int start = Math.min(depth, maxDepth);
    for (int i = 0; i < maxDepth; i++) {
      int back = i < start ? start - i : i + 1;
      try {
        Split split = tried(layers, back);
        if (condition.test(split)) {
          return Optional.of("-%d, at `%s`".formatted(back, String.join("`, `", split.features())));
        }
      } catch (OnnxException invalid) { // try the next cut
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
          ("There is nothing to train there: the head has no stored weights that only it uses. "
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
   * Returns the model with mean pooling over the unmasked tokens as its only output, [N, D].
   *
   * @param hidden a float tensor [N, T, D]
   * @param mask a tensor [N, T] that is 1 for a token and 0 for padding
   * @param normalize whether to scale the result to L2 norm 1
   */
  public OnnxFile withMeanPooling(String hidden, String mask, boolean normalize)
      throws OnnxException {
    return new OnnxFile(
        header().toBuilder()
            .setGraph(Pooling.mean(graph, opset(), hidden, mask, normalize))
            .build());
  }

  /** Returns the model with unmasked mean pooling, for example over image patches. */
  public OnnxFile withMeanPooling(String hidden, boolean normalize) throws OnnxException {
    return new OnnxFile(
        header().toBuilder().setGraph(Pooling.mean(graph, opset(), hidden, normalize)).build());
  }

  /**
   * Returns the model with the hidden state of the first token, usually {@code [CLS]}, as its only
   * output, [N, D].
   *
   * @param hidden a float tensor [N, T, D]
   * @param normalize whether to scale the result to L2 norm 1
   */
  public OnnxFile withFirstToken(String hidden, boolean normalize) throws OnnxException {
    return new OnnxFile(
        header().toBuilder().setGraph(Pooling.first(graph, opset(), hidden, normalize)).build());
  }

  /**
   * Returns the model with the spatial mean of a map as an extra tensor, named by {@link #average}.
   * Returns this model if the tensor is not a FLOAT map [N, C, H, W] with a known C.
   */
  public OnnxFile averaging(String map) {
    String name = map + MEAN_SUFFIX;
    long[] shape = graph.shapes().shape(map).orElse(new long[0]);
    boolean known = shape.length == 4 && shape[1] > 0;
    boolean floats = Declared.type(graph, map) == DataType.FLOAT;
    return !known || !floats || graph.has(name)
        ? this
        : new OnnxFile(
            header().toBuilder().setGraph(Pooling.average(graph, opset(), map, name)).build());
  }

  /** Returns the name of the spatial mean that {@link #averaging} added, or else the tensor's. */
  public String average(String tensor) {
    return graph.has(tensor + MEAN_SUFFIX) ? tensor + MEAN_SUFFIX : tensor;
  }

  /** Attaches a new linear head; see {@link #headless(String, NewHead)}. */
  public Split headless(String features) throws OnnxException {
    return headless(features, NewHead.LINEAR);
  }

  /**
   * Attaches a new, untrained head to the backbone up to {@code features}. Its {@link
   * Split#parameters} are the initial values of the hidden layers only: the last layer has no
   * classes yet.
   *
   * @param features a float tensor [N, D] or [N, C, H, W] with a known D or C
   */
  public Split headless(String features, NewHead head) throws OnnxException {
    return Headless.split(header(), graph, features, head);
  }

  /**
   * Attaches a new dense head, which predicts every pixel of an image; see {@link #headless(String,
   * NewHead)}.
   *
   * @param features a float tensor [N, C, H, W] whose size follows from the input size; the image
   *     size is an integer multiple of it
   * @param hidden see {@link NewHead#hidden}
   * @param height image height in pixels
   * @param width image width in pixels
   */
  public Split dense(String features, List<Integer> hidden, long height, long width)
      throws OnnxException {
    return headless(features, new NewHead(hidden, Headless.scale(graph, features, height, width)));
  }

  /**
   * Returns the model with dynamic dimensions of an input fixed, and with the inferred shapes.
   *
   * @param input one of {@link #inputs}
   * @param shape dimensions to declare; -1 keeps a dimension
   */
  public OnnxFile declared(String input, long[] shape) {
    return new OnnxFile(
        Spelling.plain(
            header().toBuilder().setGraph(PictureSize.declared(graph, input, shape)).build()));
  }

  /**
   * Returns the model up to these tensors, its new outputs, for inputs of another size. A new head
   * accepts a feature map of any size, but the model's own later layers may not.
   *
   * @param input one of {@link #inputs}
   * @param shape dimensions to declare; -1 keeps a dimension
   * @param features tensors computed in the main graph
   * @throws OnnxException if a node accepts only inputs of the old size; the message names it
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
   * Returns the backbone as ONNX, from the model inputs to these tensors, with the file's weights.
   *
   * @param features tensors computed in the main graph or transposed at the cut of a split
   */
  public byte[] backbone(List<String> features, List<Split> splits) {
    Graph whole = withCutNodes(features, splits);
    Set<String> given =
        graph.inputs().stream().map(input -> input.getName()).collect(Collectors.toSet());
    GraphProto.Builder backbone = whole.slice(given, features);
    backbone.addAllInput(graph.inputs());
    features.forEach(feature -> backbone.addOutput(Declared.asIs(whole, feature)));
    return header().toBuilder().setGraph(backbone).build().toByteArray();
  }

  /** Adds the nodes that transpose features at a cut. Every split names their outputs alike. */
  private Graph withCutNodes(List<String> features, List<Split> splits) {
    GraphProto.Builder result = graph.proto().toBuilder();
    features.stream()
        .filter(feature -> graph.producer(feature).isEmpty())
        .forEach(
            feature ->
                splits.stream()
                    .flatMap(split -> split.graph().producer(feature).stream())
                    .findFirst()
                    .ifPresent(result::addNode));
    return new Graph(result.build());
  }

  /** Returns the model without its graph. Since IR version 4, initializers need not be inputs. */
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

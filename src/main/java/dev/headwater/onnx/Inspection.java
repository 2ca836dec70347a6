package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Branches;
import dev.headwater.onnx.graph.Checks;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layer;
import dev.headwater.onnx.graph.Layers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What an ONNX file offers: what goes in and out, where it would be cut, and what cannot be done
 * with it and why.
 *
 * @param cut where {@code auto} cuts; without a tensor where it cannot
 * @param layers where {@code -1}, {@code -2}, ... would cut, as deep as is possible
 * @param unsupported whole sentences; none if nothing is in the way
 */
public record Inspection(
    String producer,
    long irVersion,
    long opset,
    List<TensorInfo> inputs,
    List<TensorInfo> outputs,
    CutInfo cut,
    List<LayerInfo> layers,
    List<String> unsupported) {
  private static final int DEEPEST = 32;
  private static final int RENDERED = 8;

  /**
   * The cut.
   *
   * @param tensor where it is; null where there is none
   * @param dim length of a feature vector; -1 where the features are not one vector a record
   * @param classes how many the head knows; 0 without a cut
   */
  public record CutInfo(
      @Nullable String tensor,
      @Nullable String logits,
      int dim,
      int classes,
      List<ParameterInfo> parameters) {}

  /** A trainable tensor. */
  @SuppressWarnings("ArrayRecordComponent") // written out, never compared
  public record ParameterInfo(String name, long[] shape) {}

  /**
   * A layer that can be the first of a head.
   *
   * @param tensors what would cross the cut
   * @param output what the layer makes
   */
  public record LayerInfo(String cut, String kind, String output, List<String> tensors) {}

  /**
   * Reads and looks into a file.
   *
   * @throws OnnxException if it cannot be read, with the weights beside it, or is no ONNX at all;
   *     all else is in {@link #unsupported}
   */
  public static Inspection read(Path file) throws OnnxException {
    return of(OnnxFile.parsed(file));
  }

  static Inspection of(ModelProto model) {
    List<String> unsupported = new ArrayList<>(Checks.problems(model));
    CutInfo cut = new CutInfo(null, null, -1, 0, List.of());
    List<LayerInfo> layers = new ArrayList<>();
    if (unsupported.isEmpty()) { // only a sound graph can be looked into
      Graph graph = new Graph(Branches.inlined(model).getGraph());
      cut = cut(graph, unsupported);
      layers(graph, layers, unsupported);
    }
    List<TensorInfo> inputs = Graph.inputs(model.getGraph()).stream().map(TensorInfo::of).toList();
    limits(inputs, cut, unsupported);
    return new Inspection(
        (model.getProducerName() + " " + model.getProducerVersion()).strip(),
        model.getIrVersion(),
        Checks.opset(model),
        inputs,
        model.getGraph().getOutputList().stream().map(TensorInfo::of).toList(),
        cut,
        List.copyOf(layers),
        unsupported.stream().distinct().toList());
  }

  private static CutInfo cut(Graph graph, List<String> unsupported) {
    try {
      Cut cut = Cut.find(graph, Cut.AUTO);
      List<ParameterInfo> parameters =
          Lift.of(graph, cut).parameters().stream()
              .map(parameter -> new ParameterInfo(parameter.name(), parameter.shape()))
              .toList();
      int classes = cut.last().width(graph, true);
      return new CutInfo(
          cut.last().data(),
          Tail.answer(graph, cut.last().output()),
          cut.dim(graph),
          classes,
          parameters);
    } catch (OnnxException refused) { // the reason is the answer
      unsupported.add(String.valueOf(refused.getMessage()));
      return new CutInfo(null, null, -1, 0, List.of());
    }
  }

  /** What is told is told from the logits: whatever else the network makes of them is not. */
  private static void leftOut(Graph graph, Layer last, List<String> unsupported) {
    String answer = Tail.answer(graph, last.output());
    List<String> after =
        graph.withDescendants(graph.consumers(answer)).stream()
            .filter(graph.needed(Set.of(), graph.outputs())::contains)
            .map(graph::node)
            .filter(node -> !Tail.looksThrough(node))
            .map(NodeProto::getOpType)
            .distinct()
            .toList();
    if (!after.isEmpty()) {
      unsupported.add(
          "Its logits `%s` are not what it answers, for %s follows them: predictions are told without that. Export it without, or with that before the last layer."
              .formatted(answer, String.join(", ", after)));
    }
  }

  private static void layers(Graph graph, List<LayerInfo> found, List<String> unsupported) {
    List<Layer> layers = Layers.of(graph);
    for (int back = 1; back <= Math.min(DEEPEST, layers.size()); back++) {
      Layer layer = layers.get(layers.size() - back);
      try {
        String spec = "-" + back;
        Cut.Finder finder = at -> at == graph ? Cut.find(at, layers, spec) : Cut.find(at, spec);
        Sizes.Own own = Sizes.own(graph, finder);
        Cut cut = own.cut();
        if (back == 1) {
          leftOut(own.graph(), cut.last(), unsupported);
        }
        found.add(new LayerInfo(spec, layer.kind().name(), layer.output(), cut.features()));
      } catch (OnnxException refused) { // every deeper cut holds this layer too: the end
        if (back > 1) { // that nothing can be cut off at all is what auto says
          unsupported.add("No cut at -%d or deeper. %s".formatted(back, refused.getMessage()));
        }
        return;
      }
    }
  }

  private static void limits(List<TensorInfo> inputs, CutInfo cut, List<String> unsupported) {
    for (TensorInfo input : inputs) {
      if (input.type() == ElementType.UNDEFINED) {
        unsupported.add("Its input `%s` is no tensor.".formatted(input.name()));
      } else if (input.shape().length > 0 && input.shape()[0] >= 0) {
        unsupported.add(
            "Its input `%s` has a fixed first axis, %d: it cannot be batched. Export it with a dynamic one."
                .formatted(input.name(), input.shape()[0]));
      }
    }
    if (cut.classes() == 1) {
      unsupported.add(
          "Its head gives one number, a yes or no, where one number a class is needed: export it with two outputs.");
    }
  }

  /** The same with something more that cannot be done. */
  public Inspection and(String reason) {
    List<String> all = new ArrayList<>(unsupported);
    all.add(reason);
    return new Inspection(
        producer, irVersion, opset, inputs, outputs, cut, layers, List.copyOf(all));
  }

  /** For people to read. */
  public String render() {
    List<String> lines = new ArrayList<>();
    lines.add("made by    %s; IR version %d, opset %d".formatted(producer, irVersion, opset));
    inputs.forEach(input -> lines.add("input      " + input));
    outputs.forEach(output -> lines.add("output     " + output));
    if (cut.tensor() != null) {
      String width = cut.dim() < 0 ? "not one vector a record" : "[N, " + cut.dim() + "]";
      lines.add("auto cuts  at `%s`, %s".formatted(cut.tensor(), width));
      lines.add("head       %d classes, logits `%s`".formatted(cut.classes(), cut.logits()));
      cut.parameters()
          .forEach(p -> lines.add("trains     `" + p.name() + "` " + Arrays.toString(p.shape())));
    } else {
      lines.add("auto cuts  nowhere");
    }
    shown(lines);
    unsupported.forEach(reason -> lines.add("cannot     " + reason));
    return String.join(System.lineSeparator(), lines);
  }

  private void shown(List<String> lines) {
    Stream<LayerInfo> nearest = layers.stream().limit(RENDERED);
    nearest.forEach(
        layer ->
            lines.add(
                "%-10s %s that makes `%s`, at `%s`"
                    .formatted(
                        "cut " + layer.cut(),
                        layer.kind(),
                        layer.output(),
                        String.join("`, `", layer.tensors()))));
    if (layers.size() > RENDERED) {
      lines.add("           ... and " + (layers.size() - RENDERED) + " deeper");
    }
  }
}

package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Checks;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layer;
import dev.headwater.onnx.graph.Layers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A report on an ONNX file: its inputs and outputs, possible cuts, and unsupported features.
 *
 * @param cut the {@code auto} cut; its tensor is null if {@code auto} finds none
 * @param layers the cuts {@code -1}, {@code -2}, ..., as deep as possible
 * @param unsupported problems as whole sentences; empty if there are none
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
  private static final int MAX_LAYERS = 32;
  private static final int MAX_RENDERED = 8;

  /**
   * The {@code auto} cut.
   *
   * @param tensor the tensor at the cut; null if there is no cut
   * @param dim feature dimension; -1 if the features are not one vector per record
   * @param classes number of classes of the head; 0 without a cut
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
   * @param output output tensor of the layer
   * @param tensors tensors that would cross the cut
   */
  public record LayerInfo(String cut, String kind, String output, List<String> tensors) {}

  /**
   * Reads and inspects a file.
   *
   * @throws OnnxException if the file or its external data cannot be read, or it is not ONNX; other
   *     problems are in {@link #unsupported}
   */
  public static Inspection read(Path file) throws OnnxException {
    return read(file, split -> null);
  }

  /**
   * Reads and inspects a file, reporting only the cuts without an obstacle.
   *
   * @param obstacle returns why a cut cannot be used, as whole sentences; null if it can
   */
  public static Inspection read(Path file, Function<Split, @Nullable String> obstacle)
      throws OnnxException {
    return of(OnnxFile.parsed(file), obstacle);
  }

  static Inspection of(ModelProto model, Function<Split, @Nullable String> obstacle) {
    List<String> unsupported = new ArrayList<>(Checks.problems(model));
    CutInfo cut = new CutInfo(null, null, -1, 0, List.of());
    List<LayerInfo> layers = new ArrayList<>();
    if (unsupported.isEmpty()) { // only a valid graph can be inspected
      OnnxFile file = OnnxFile.of(model);
      cut = cut(file, unsupported);
      layers(file, obstacle, layers, unsupported);
    }
    List<TensorInfo> inputs = Graph.inputs(model.getGraph()).stream().map(TensorInfo::of).toList();
    reportLimits(inputs, cut, unsupported);
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

  private static CutInfo cut(OnnxFile file, List<String> unsupported) {
    try {
      Split split = file.split(Cut.AUTO);
      List<ParameterInfo> parameters =
          split.parameters().stream()
              .map(parameter -> new ParameterInfo(parameter.name(), parameter.shape()))
              .toList();
      String tensor = Cut.find(file.graph(), Cut.AUTO).last().data();
      return new CutInfo(tensor, split.logits(), split.dim(), split.classes(), parameters);
    } catch (OnnxException invalid) { // reported, not thrown
      unsupported.add(String.valueOf(invalid.getMessage()));
      return new CutInfo(null, null, -1, 0, List.of());
    }
  }

  /** Reports operators after the logits that change the class order: predictions ignore them. */
  private static void reportIgnored(Split split, List<String> unsupported) {
    Graph graph = split.graph();
    String logits = split.logits();
    List<String> after =
        graph.withDescendants(graph.consumers(logits)).stream()
            .filter(graph.needed(Set.of(), graph.outputs())::contains)
            .map(graph::node)
            .filter(node -> !Tail.looksThrough(node))
            .map(NodeProto::getOpType)
            .distinct()
            .toList();
    if (!after.isEmpty()) {
      unsupported.add(
          "Predictions are computed from the logits `%s` and ignore later operators (%s): export the model without them, or with them before the last layer."
              .formatted(logits, String.join(", ", after)));
    }
  }

  private static void layers(
      OnnxFile file,
      Function<Split, @Nullable String> obstacle,
      List<LayerInfo> found,
      List<String> unsupported) {
    List<Layer> layers = Layers.of(file.graph());
    List<String> pending = new ArrayList<>(); // reasons of the cuts directly before this one
    int deepest = Math.min(MAX_LAYERS, layers.size());
    for (int back = 1; back <= deepest; back++) {
      Layer layer = layers.get(layers.size() - back);
      String reason;
      try {
        Split split = file.tried(layers, back);
        reason = obstacle.apply(split);
        if (back == 1) {
          reportIgnored(split, unsupported);
        }
        if (reason == null) {
          for (int i = 0; i < pending.size(); i++) {
            int at = back - pending.size() + i;
            unsupported.add("Cannot cut at -%d. %s".formatted(at, pending.get(i)));
          }
          pending.clear();
          unsupported.addAll(split.fixed());
          found.add(
              new LayerInfo("-" + back, layer.kind().name(), layer.output(), split.features()));
        }
      } catch (OnnxException invalid) { // reported for this cut only
        reason = String.valueOf(invalid.getMessage());
      }
      if (reason != null) {
        pending.add(reason);
      }
    }
    // if no cut is possible at all, the problem of auto already explains it
    if (!pending.isEmpty() && !(found.isEmpty() && !unsupported.isEmpty())) {
      int first = deepest - pending.size() + 1;
      unsupported.add("Cannot cut at -%d or deeper. %s".formatted(first, pending.get(0)));
    }
  }

  private static void reportLimits(List<TensorInfo> inputs, CutInfo cut, List<String> unsupported) {
    for (TensorInfo input : inputs) {
      if (input.type() == ElementType.UNDEFINED) {
        unsupported.add("Input `%s` is not a tensor.".formatted(input.name()));
      } else if (input.shape().length > 0 && input.shape()[0] >= 0) {
        unsupported.add(
            "Input `%s` has a fixed first axis of size %d and cannot be batched: export the model with a dynamic first axis."
                .formatted(input.name(), input.shape()[0]));
      }
    }
    if (cut.classes() == 1) {
      unsupported.add(
          "The head has a single output, which only kind: regression supports. For binary classification, export the model with two outputs, one per class.");
    }
  }

  /** Renders the report as text. */
  public String render() {
    List<String> lines = new ArrayList<>();
    lines.add("producer   %s; IR version %d, opset %d".formatted(producer, irVersion, opset));
    inputs.forEach(input -> lines.add("input      " + input));
    outputs.forEach(output -> lines.add("output     " + output));
    if (cut.tensor() != null) {
      String width = cut.dim() < 0 ? "not one vector per record" : "[N, " + cut.dim() + "]";
      lines.add("auto cut   at `%s`, %s".formatted(cut.tensor(), width));
      lines.add("head       %d classes, logits `%s`".formatted(cut.classes(), cut.logits()));
      cut.parameters()
          .forEach(p -> lines.add("parameter  `" + p.name() + "` " + Arrays.toString(p.shape())));
    } else {
      lines.add("auto cut   none");
    }
    renderLayers(lines);
    unsupported.forEach(reason -> lines.add("problem    " + reason));
    return String.join(System.lineSeparator(), lines);
  }

  private void renderLayers(List<String> lines) {
    Stream<LayerInfo> nearest = layers.stream().limit(MAX_RENDERED);
    nearest.forEach(
        layer ->
            lines.add(
                "%-10s %s with output `%s`, at `%s`"
                    .formatted(
                        "cut " + layer.cut(),
                        layer.kind(),
                        layer.output(),
                        String.join("`, `", layer.tensors()))));
    if (layers.size() > MAX_RENDERED) {
      lines.add("           ... and " + (layers.size() - MAX_RENDERED) + " more");
    }
  }
}

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
    return read(file, split -> null);
  }

  /**
   * As {@link #read(Path)}, of cuts that can be used.
   *
   * @param obstacle why one cannot, in whole sentences; null if it can
   */
  public static Inspection read(Path file, Function<Split, @Nullable String> obstacle)
      throws OnnxException {
    return of(OnnxFile.parsed(file), obstacle);
  }

  static Inspection of(ModelProto model, Function<Split, @Nullable String> obstacle) {
    List<String> unsupported = new ArrayList<>(Checks.problems(model));
    CutInfo cut = new CutInfo(null, null, -1, 0, List.of());
    List<LayerInfo> layers = new ArrayList<>();
    if (unsupported.isEmpty()) { // only a sound graph can be looked into
      OnnxFile file = OnnxFile.of(model);
      cut = cut(file, unsupported);
      layers(file, obstacle, layers, unsupported);
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

  private static CutInfo cut(OnnxFile file, List<String> unsupported) {
    try {
      Split split = file.split(Cut.AUTO);
      List<ParameterInfo> parameters =
          split.parameters().stream()
              .map(parameter -> new ParameterInfo(parameter.name(), parameter.shape()))
              .toList();
      String tensor = Cut.find(file.graph(), Cut.AUTO).last().data();
      return new CutInfo(tensor, split.logits(), split.dim(), split.classes(), parameters);
    } catch (OnnxException refused) { // the reason is the answer
      unsupported.add(String.valueOf(refused.getMessage()));
      return new CutInfo(null, null, -1, 0, List.of());
    }
  }

  /** What is told is told from the logits: whatever else the network makes of them is not. */
  private static void leftOut(Split split, List<String> unsupported) {
    Graph graph = split.graph();
    String answer = split.logits();
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

  private static void layers(
      OnnxFile file,
      Function<Split, @Nullable String> obstacle,
      List<LayerInfo> found,
      List<String> unsupported) {
    List<Layer> layers = Layers.of(file.graph());
    List<String> refused = new ArrayList<>(); // one after the other, up to where we are
    int deepest = Math.min(DEEPEST, layers.size());
    for (int back = 1; back <= deepest; back++) {
      Layer layer = layers.get(layers.size() - back);
      String reason;
      try {
        Split split = file.tried(layers, back);
        reason = obstacle.apply(split);
        if (back == 1) {
          leftOut(split, unsupported);
        }
        if (reason == null) {
          for (int i = 0; i < refused.size(); i++) {
            int at = back - refused.size() + i;
            unsupported.add("No cut at -%d. %s".formatted(at, refused.get(i)));
          }
          refused.clear();
          unsupported.addAll(split.fixed());
          found.add(
              new LayerInfo("-" + back, layer.kind().name(), layer.output(), split.features()));
        }
      } catch (OnnxException impossible) { // the reason is the answer; of this cut alone
        reason = String.valueOf(impossible.getMessage());
      }
      if (reason != null) {
        refused.add(reason);
      }
    }
    // that nothing can be cut off at all is what auto says
    if (!refused.isEmpty() && !(found.isEmpty() && !unsupported.isEmpty())) {
      int first = deepest - refused.size() + 1;
      unsupported.add("No cut at -%d or deeper. %s".formatted(first, refused.get(0)));
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
          "Its head gives one number, which is what kind: regression wants. Where it is a yes or no, one number a class is needed: export it with two outputs.");
    }
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

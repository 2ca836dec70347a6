package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Layer.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Finds the layers of a graph and whether each of them can be a linear head. */
public final class Layers {
  /** Integer operators, with the index of their weight input. */
  private static final Map<String, Integer> QUANTIZED =
      Map.of(
          "MatMulInteger", 1,
          "ConvInteger", 1,
          "QLinearMatMul", 3,
          "QLinearConv", 3,
          "QGemm", 3,
          "DynamicQuantizeMatMul", 1,
          "MatMulIntegerToFloat", 1,
          "QAttention", 1,
          "DynamicQuantizeLSTM", 1,
          "MatMulNBits", 1);

  /** Float operators, with the index of their weight input. */
  private static final Map<String, Integer> FLOAT =
      Map.ofEntries(
          Map.entry("Gemm", 1),
          Map.entry("MatMul", 1),
          Map.entry("Conv", 1),
          Map.entry("ConvTranspose", 1),
          Map.entry("Einsum", 1),
          Map.entry("LSTM", 1),
          Map.entry("GRU", 1),
          Map.entry("RNN", 1),
          Map.entry("FusedGemm", 1),
          Map.entry("FusedMatMul", 1),
          Map.entry("FusedConv", 1));

  private final Graph graph;

  private Layers(Graph graph) {
    this.graph = graph;
  }

  /** Returns every layer, in topological order. */
  public static List<Layer> of(Graph graph) {
    Layers finder = new Layers(graph);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < graph.proto().getNodeCount(); i++) {
      finder.layer(i).ifPresent(layers::add);
    }
    return layers;
  }

  private Optional<Layer> layer(int position) {
    NodeProto node = graph.node(position);
    if (!Graph.standard(node)) {
      return Optional.empty();
    }
    Integer quantizedInput = QUANTIZED.get(node.getOpType());
    if (quantizedInput != null && constantAt(node, quantizedInput).isPresent()) {
      return Optional.of(nonLinear(position, node, Kind.QUANTIZED, null, "is quantized (int8)"));
    }
    Integer weight = FLOAT.get(node.getOpType());
    if (weight == null || node.getInputCount() < 2) {
      return Optional.empty();
    }
    Optional<Constant> right = constantAt(node, weight).filter(c -> weighs(node, c));
    Optional<Constant> left = constantAt(node, 0).filter(c -> weighs(node, c));
    if (right.isPresent() && left.isEmpty()) {
      return Optional.of(weighted(position, node, right.get()));
    }
    return left.isPresent() && right.isEmpty()
        ? Optional.of(leftWeighted(position, node, left.get()))
        : Optional.empty();
  }

  /**
   * Returns whether the constant is a layer weight. A vector in an Einsum is not: it scales or
   * repeats, as position frequencies do.
   */
  public static boolean weighs(NodeProto node, Constant constant) {
    return !node.getOpType().equals("Einsum")
        || constant.obstacle() != null
        || constant.dims().length > 1;
  }

  private Optional<Constant> constantAt(NodeProto node, int input) {
    return node.getInputCount() > input
        ? Constant.resolve(graph, node.getInput(input))
        : Optional.empty();
  }

  private static Layer nonLinear(
      int position, NodeProto node, Kind kind, @Nullable Constant weight, String obstacle) {
    String data = node.getInput(0);
    return new Layer(
        kind, position, position, data, Graph.output(node), weight, 1, null, -1, obstacle);
  }

  private static Layer leftWeighted(int position, NodeProto node, Constant left) {
    return new Layer(
        left.quantized() ? Kind.QUANTIZED : Kind.OTHER,
        position,
        position,
        node.getInput(1),
        Graph.output(node),
        left,
        0,
        null,
        -1,
        "has its weight as the left operand");
  }

  private Layer weighted(int position, NodeProto node, Constant weight) {
    if (weight.quantized()) {
      return nonLinear(position, node, Kind.QUANTIZED, weight, "has int8 weights (QDQ)");
    }
    Kind kind =
        switch (node.getOpType()) {
          case "Gemm" -> Kind.GEMM;
          case "MatMul" -> Kind.MATMUL;
          case "Conv" -> Kind.CONV;
          default -> Kind.OTHER;
        };
    String obstacle = obstacle(kind, node, weight);
    if (obstacle != null) {
      return nonLinear(position, node, kind, weight, obstacle);
    }
    boolean classesFirst =
        kind == Kind.CONV || (kind == Kind.GEMM && Graph.integer(node, "transB", 0) != 0);
    return withBias(position, node, kind, weight, weight.dims()[classesFirst ? 0 : 1]);
  }

  private static @Nullable String obstacle(Kind kind, NodeProto node, Constant weight) {
    if (kind == Kind.OTHER) {
      return "is a " + node.getOpType() + ", not Gemm, MatMul or a 1×1 convolution";
    }
    if (weight.obstacle() != null) {
      return "has weight `" + weight.source() + "`, which " + weight.obstacle();
    }
    long[] dims = weight.dims();
    if (kind == Kind.CONV) {
      boolean pointwise = dims.length > 2 && Arrays.stream(dims).skip(2).allMatch(d -> d == 1);
      return !pointwise
          ? "is a convolution with a kernel larger than 1×1"
          : Graph.integer(node, "group", 1) != 1 ? "is a grouped convolution" : null;
    }
    if (dims.length != 2) {
      return "has a weight with " + dims.length + " dimensions";
    }
    return Graph.integer(node, "transA", 0) == 0 ? null : "transposes its features (transA)";
  }

  private Layer withBias(int position, NodeProto node, Kind kind, Constant weight, long classes) {
    String data = node.getInput(0);
    String output = node.getOutput(0);
    boolean ownBias =
        kind != Kind.MATMUL && node.getInputCount() > 2 && !node.getInput(2).isEmpty();
    if (ownBias) {
      Constant bias = constantAt(node, 2).orElse(null);
      String obstacle = biasObstacle(bias, classes);
      return new Layer(kind, position, position, data, output, weight, 1, bias, 2, obstacle);
    }
    List<Integer> next = graph.consumers(output);
    if (next.size() == 1 && !graph.outputs().contains(output)) {
      NodeProto add = graph.node(next.get(0));
      int input = add.getInputCount() == 2 && add.getInput(0).equals(output) ? 1 : 0;
      Constant bias = add.getOpType().equals("Add") ? constantAt(add, input).orElse(null) : null;
      if (bias != null && isPerClass(bias, weight.dims().length, kind, classes)) {
        String out = add.getOutput(0);
        return new Layer(kind, position, next.get(0), data, out, weight, 1, bias, input, null);
      }
    }
    return new Layer(kind, position, position, data, output, weight, 1, null, -1, null);
  }

  private static @Nullable String biasObstacle(@Nullable Constant bias, long classes) {
    if (bias == null) {
      return "has a bias that depends on the input";
    }
    if (bias.obstacle() != null) {
      return "has bias `" + bias.source() + "`, which " + bias.obstacle();
    }
    return bias.size() == classes || bias.size() == 1
        ? null
        : "has bias `" + bias.source() + "`, which does not have one value per class";
  }

  /** Returns whether a constant has one value per class: [C], [1, C]; after a Conv [C, 1, 1]. */
  private static boolean isPerClass(Constant bias, int weightRank, Kind kind, long classes) {
    if (bias.obstacle() != null) {
      return false;
    }
    long[] dims = bias.dims();
    int rank = kind == Kind.CONV ? weightRank : 2;
    int classAxis = dims.length - (kind == Kind.CONV ? weightRank - 1 : 1);
    boolean perClass = classAxis >= 0 && dims[classAxis] == classes && bias.size() == classes;
    return dims.length <= rank && (perClass || bias.size() == 1);
  }
}

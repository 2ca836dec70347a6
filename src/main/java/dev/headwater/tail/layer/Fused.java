package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Linear;
import dev.headwater.tail.op.Operator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Layers with what stands beside them, as ONNX Runtime's optimiser makes one node of both. */
public final class Fused {
  private Fused() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "FusedMatMul",
        Operator.of(Fused::product),
        "FusedGemm",
        Operator.of(Fused::gemm).unless(Fused::obstacle),
        "SkipLayerNormalization",
        skip(true),
        "SkipSimplifiedLayerNormalization",
        skip(false));
  }

  private static NDArray product(Call call) {
    NDArray left = turned(call.in(0), call, "A");
    NDArray right = turned(call.in(1), call, "B");
    NDArray made = Linear.product(Call.near(left, right), Call.near(right, left));
    return Linear.scaled(made, call.real("alpha", 1));
  }

  /** First, if asked, the batches' axes before that of the rows, then rows as columns. */
  private static NDArray turned(NDArray x, Call call, String side) {
    int rank = x.getShape().dimension();
    if (rank < 2) {
      return x;
    }
    int[] axes = IntStream.range(0, rank).toArray();
    if (call.integer("transBatch" + side, 0) != 0) {
      axes =
          IntStream.range(0, rank).map(i -> i < rank - 2 ? i + 1 : i == rank - 2 ? 0 : i).toArray();
    }
    if (call.integer("trans" + side, 0) != 0) {
      int rows = axes[rank - 2];
      axes[rank - 2] = axes[rank - 1];
      axes[rank - 1] = rows;
    }
    return x.transpose(axes);
  }

  private static NDArray gemm(Call call) {
    NodeProto node = call.node();
    return Activations.of(activation(node), parameters(node)).apply(Linear.gemm(call));
  }

  private static String activation(NodeProto node) {
    return Call.text(node, "activation", "");
  }

  private static List<Float> parameters(NodeProto node) {
    return Stream.of("activation_alpha", "activation_beta")
        .limit(Activations.parameters(activation(node)))
        .flatMap(name -> Graph.attribute(node, name).stream())
        .map(AttributeProto::getF)
        .toList();
  }

  private static @Nullable String obstacle(NodeProto node) {
    return Activations.obstacle(node, Activations.COMMON, parameters(node).size());
  }

  private static Operator skip(boolean centred) {
    Operator operator = call -> skip(call, centred);
    return operator.unless(Normalization::statistics);
  }

  /** Normalises a sum, which is the fourth output; in the two between, nothing is asked for. */
  private static NDList skip(Call call, boolean centred) {
    NDArray sum = call.in(0).add(call.in(1));
    NDArray bias = call.optional(centred ? 4 : 3);
    sum = bias == null ? sum : sum.add(bias);
    float epsilon = call.real("epsilon", 1e-12f);
    NDArray normal =
        centred ? Normalization.standard(sum, epsilon) : Normalization.rootMeanSquare(sum, epsilon);
    NDArray scaled = normal.mul(call.in(2));
    NDArray shift = centred ? call.optional(3) : null;
    NDArray made = shift == null ? scaled : scaled.add(shift);
    return new NDList(made, made, made, sum);
  }
}

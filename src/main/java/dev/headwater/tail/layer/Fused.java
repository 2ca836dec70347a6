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

/** Fused layers that ONNX Runtime's graph optimiser creates. */
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
    NDArray left = transposed(call.in(0), call, "A");
    NDArray right = transposed(call.in(1), call, "B");
    NDArray result = Linear.product(Call.near(left, right), Call.near(right, left));
    return Linear.scaled(result, call.real("alpha", 1));
  }

  /**
   * Applies transBatch (moves the batch axes before the rows), then trans (swaps the last two
   * axes).
   */
  private static NDArray transposed(NDArray x, Call call, String side) {
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

  private static Operator skip(boolean centre) {
    Operator operator = call -> skip(call, centre);
    return operator.unless(Normalization::statistics);
  }

  /** Normalises a sum, which is the fourth output; outputs two and three are unused. */
  private static NDList skip(Call call, boolean centre) {
    NDArray sum = call.in(0).add(call.in(1));
    NDArray bias = call.optional(centre ? 4 : 3);
    sum = bias == null ? sum : sum.add(bias);
    float epsilon = call.real("epsilon", 1e-12f);
    NDArray normal =
        centre ? Normalization.standard(sum, epsilon) : Normalization.rootMeanSquare(sum, epsilon);
    NDArray scaled = normal.mul(call.in(2));
    NDArray beta = centre ? call.optional(3) : null;
    NDArray result = beta == null ? scaled : scaled.add(beta);
    return new NDList(result, result, result, sum);
  }
}

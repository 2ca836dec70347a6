package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Linear;
import dev.headwater.tail.op.Operator;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Scaled dot-product attention (Vaswani et al. 2017): the ONNX Attention operator of opset 23.
 * Queries, keys and values are [batch, heads, sequence, width] or [batch, sequence, heads · width].
 * Several query heads may share one key-value head (grouped-query attention).
 */
public final class Attention {
  private Attention() {}

  public static Map<String, Operator> operators() {
    return Map.of("Attention", Operator.of(Attention::of).unless(Attention::obstacle));
  }

  private static @Nullable String obstacle(NodeProto node) {
    if (!node.getDomain().isEmpty() && !node.getDomain().equals("ai.onnx")) {
      return "is ONNX Runtime's fused attention, which includes the projection layers: "
          + "export the model without ONNX Runtime optimisations";
    }
    boolean cached = node.getInputList().stream().skip(4).anyMatch(input -> !input.isEmpty());
    return cached || node.getOutputList().stream().skip(1).anyMatch(output -> !output.isEmpty())
        ? "uses a key-value cache"
        : null;
  }

  private static NDArray of(Call call) {
    boolean flat = call.in(0).getShape().dimension() == 3;
    NDArray keys = heads(call.in(1), call.integer("kv_num_heads", 0));
    long kvHeads = keys.getShape().get(1);
    NDArray queries = heads(call.in(0), call.integer("q_num_heads", 0));
    Shape shape = queries.getShape();
    NDArray values = heads(call.in(2), kvHeads);
    float scale = call.real("scale", (float) (1 / Math.sqrt(shape.get(3))));
    NDArray products =
        Linear.product(grouped(queries, kvHeads), transposed(grouped(keys, kvHeads)));
    NDArray scores = products.mul(scale);
    float cap = call.real("softcap", 0);
    scores = cap > 0 ? scores.div(cap).tanh().mul(cap) : scores;
    NDArray weights = masked(call, ungrouped(scores)).softmax(-1);
    NDArray output = ungrouped(Linear.product(grouped(weights, kvHeads), grouped(values, kvHeads)));
    return flat
        ? output.transpose(0, 2, 1, 3).reshape(new Shape(shape.get(0), shape.get(2), -1))
        : output;
  }

  private static NDArray heads(NDArray x, long heads) {
    Shape shape = x.getShape();
    return shape.dimension() == 4
        ? x
        : x.reshape(new Shape(shape.get(0), shape.get(1), heads, shape.get(2) / heads))
            .transpose(0, 2, 1, 3);
  }

  /** Reshapes [batch, heads, ...] to [batch, groups, heads per group, ...]. */
  private static NDArray grouped(NDArray x, long groups) {
    Shape s = x.getShape();
    return x.reshape(new Shape(s.get(0), groups, s.get(1) / groups, s.get(2), s.get(3)));
  }

  private static NDArray ungrouped(NDArray x) {
    Shape s = x.getShape();
    return x.reshape(new Shape(s.get(0), s.get(1) * s.get(2), s.get(3), s.get(4)));
  }

  private static NDArray transposed(NDArray x) {
    return x.transpose(0, 1, 2, 4, 3);
  }

  private static NDArray masked(Call call, NDArray scores) {
    NDArray mask = call.optional(3);
    NDArray visible = scores;
    if (mask != null) {
      NDArray onDevice = Call.near(mask, scores);
      visible =
          onDevice.getDataType() == DataType.BOOLEAN
              ? maskOut(onDevice.logicalNot(), scores)
              : scores.add(onDevice);
    }
    return call.integer("is_causal", 0) == 0 ? visible : maskOut(causalMask(visible), visible);
  }

  /** Returns the causal mask: true for keys after the query's position. */
  private static NDArray causalMask(NDArray scores) {
    Shape shape = scores.getShape();
    int queryLength = (int) shape.get(2);
    int keyLength = (int) shape.get(3);
    boolean[] causalMask = new boolean[queryLength * keyLength];
    for (int i = 0; i < causalMask.length; i++) {
      causalMask[i] = i % keyLength > i / keyLength;
    }
    return Call.near(
        scores.getManager().create(causalMask, new Shape(1, 1, queryLength, keyLength)), scores);
  }

  private static NDArray maskOut(NDArray where, NDArray scores) {
    NDArray negativeInfinity = scores.getManager().create(Float.NEGATIVE_INFINITY);
    return JniUtils.where(
        (PtNDArray) where, (PtNDArray) Call.near(negativeInfinity, scores), (PtNDArray) scores);
  }
}

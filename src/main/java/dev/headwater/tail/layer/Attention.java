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
 * Scaled dot-product attention (Vaswani et al. 2017) as one node, as ONNX has it from opset 23 on:
 * queries, keys and values are [records, heads, places, width] or [records, places, heads · width];
 * several heads of queries may share one of keys and values.
 */
public final class Attention {
  private Attention() {}

  public static Map<String, Operator> operators() {
    return Map.of("Attention", Operator.of(Attention::of).unless(Attention::obstacle));
  }

  private static @Nullable String obstacle(NodeProto node) {
    if (!node.getDomain().isEmpty() && !node.getDomain().equals("ai.onnx")) {
      return "is ONNX Runtime's own, which holds the layers before it as well: export the network unoptimised";
    }
    boolean cached = node.getInputList().stream().skip(4).anyMatch(input -> !input.isEmpty());
    return cached || node.getOutputList().stream().skip(1).anyMatch(output -> !output.isEmpty())
        ? "keeps keys and values from call to call"
        : null;
  }

  private static NDArray of(Call call) {
    boolean flat = call.in(0).getShape().dimension() == 3;
    NDArray keys = heads(call.in(1), call.integer("kv_num_heads", 0));
    long shared = keys.getShape().get(1);
    NDArray queries = heads(call.in(0), call.integer("q_num_heads", 0));
    Shape shape = queries.getShape();
    NDArray values = heads(call.in(2), shared);
    float scale = call.real("scale", (float) (1 / Math.sqrt(shape.get(3))));
    NDArray likeness = Linear.product(grouped(queries, shared), turned(grouped(keys, shared)));
    NDArray scores = likeness.mul(scale);
    float cap = call.real("softcap", 0);
    scores = cap > 0 ? scores.div(cap).tanh().mul(cap) : scores;
    NDArray weights = masked(call, apart(scores)).softmax(-1);
    NDArray found = apart(Linear.product(grouped(weights, shared), grouped(values, shared)));
    return flat
        ? found.transpose(0, 2, 1, 3).reshape(new Shape(shape.get(0), shape.get(2), -1))
        : found;
  }

  private static NDArray heads(NDArray x, long heads) {
    Shape shape = x.getShape();
    return shape.dimension() == 4
        ? x
        : x.reshape(new Shape(shape.get(0), shape.get(1), heads, shape.get(2) / heads))
            .transpose(0, 2, 1, 3);
  }

  /** [records, heads, ...] as [records, groups, heads of a group, ...]. */
  private static NDArray grouped(NDArray x, long groups) {
    Shape s = x.getShape();
    return x.reshape(new Shape(s.get(0), groups, s.get(1) / groups, s.get(2), s.get(3)));
  }

  private static NDArray apart(NDArray x) {
    Shape s = x.getShape();
    return x.reshape(new Shape(s.get(0), s.get(1) * s.get(2), s.get(3), s.get(4)));
  }

  private static NDArray turned(NDArray x) {
    return x.transpose(0, 1, 2, 4, 3);
  }

  private static NDArray masked(Call call, NDArray scores) {
    NDArray mask = call.optional(3);
    NDArray open = scores;
    if (mask != null) {
      NDArray near = Call.near(mask, scores);
      open =
          near.getDataType() == DataType.BOOLEAN
              ? hidden(near.logicalNot(), scores)
              : scores.add(near);
    }
    return call.integer("is_causal", 0) == 0 ? open : hidden(later(open), open);
  }

  /** Places that come after the one that asks. */
  private static NDArray later(NDArray scores) {
    Shape shape = scores.getShape();
    int asking = (int) shape.get(2);
    int asked = (int) shape.get(3);
    boolean[] later = new boolean[asking * asked];
    for (int i = 0; i < later.length; i++) {
      later[i] = i % asked > i / asked;
    }
    return Call.near(scores.getManager().create(later, new Shape(1, 1, asking, asked)), scores);
  }

  private static NDArray hidden(NDArray where, NDArray scores) {
    NDArray nothing = scores.getManager().create(Float.NEGATIVE_INFINITY);
    return JniUtils.where(
        (PtNDArray) where, (PtNDArray) Call.near(nothing, scores), (PtNDArray) scores);
  }
}

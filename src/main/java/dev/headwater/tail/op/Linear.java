package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Map;

/** Matrix products. */
public final class Linear {
  private Linear() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "Einsum", Operator.of(Einsum::of).unless(Einsum::obstacle),
        "Gemm", Operator.of(Linear::gemm),
        "MatMul", Operator.binary(Linear::product));
  }

  /** Same as numpy's matmul: batch axes broadcast, and either side may be a vector. */
  public static NDArray product(NDArray left, NDArray right) {
    return JniUtils.matmul((PtNDArray) left, (PtNDArray) right);
  }

  public static NDArray gemm(Call call) {
    NDArray rows = call.in(0).getShape().dimension() == 1 ? call.in(0).expandDims(0) : call.in(0);
    NDArray left = call.integer("transA", 0) == 0 ? rows : rows.transpose();
    NDArray right = call.integer("transB", 0) == 0 ? call.in(1) : call.in(1).transpose();
    NDArray product = scaled(product(left, right), call.real("alpha", 1));
    NDArray bias = call.optional(2);
    return bias == null ? product : product.add(scaled(bias, call.real("beta", 1)));
  }

  public static NDArray scaled(NDArray values, float factor) {
    return factor == 1 ? values : values.mul(factor);
  }
}

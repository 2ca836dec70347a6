package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Activation;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/** Element-wise arithmetic and activations. */
public final class Elementwise {
  private static final double TANH_GELU = Math.sqrt(2 / Math.PI);

  private Elementwise() {}

  public static Map<String, Operator> operators() {
    return Map.ofEntries(
        Map.entry("Add", Operator.binary(NDArray::add)),
        Map.entry("Sub", Operator.binary(NDArray::sub)),
        Map.entry("Mul", Operator.binary(NDArray::mul)),
        Map.entry("Div", Operator.binary(Elementwise::divided)),
        Map.entry("Pow", Operator.binary(NDArray::pow)),
        Map.entry("Mod", Operator.of(Elementwise::remainder)),
        Map.entry("Max", Operator.of(call -> reduce(call, NDArray::maximum))),
        Map.entry("Min", Operator.of(call -> reduce(call, NDArray::minimum))),
        Map.entry("Sum", Operator.of(call -> reduce(call, NDArray::add))),
        Map.entry("Mean", Operator.of(c -> reduce(c, NDArray::add).div((float) c.inputs().size()))),
        Map.entry("Neg", Operator.unary(NDArray::neg)),
        Map.entry("Abs", Operator.unary(NDArray::abs)),
        Map.entry("Sqrt", Operator.unary(NDArray::sqrt)),
        Map.entry("Exp", Operator.unary(NDArray::exp)),
        Map.entry("Log", Operator.unary(NDArray::log)),
        Map.entry("Erf", Operator.unary(NDArray::erf)),
        Map.entry("Sin", Operator.unary(NDArray::sin)),
        Map.entry("Cos", Operator.unary(NDArray::cos)),
        Map.entry("Tan", Operator.unary(NDArray::tan)),
        Map.entry("Sinh", Operator.unary(NDArray::sinh)),
        Map.entry("Cosh", Operator.unary(NDArray::cosh)),
        Map.entry("Asin", Operator.unary(NDArray::asin)),
        Map.entry("Acos", Operator.unary(NDArray::acos)),
        Map.entry("Atan", Operator.unary(NDArray::atan)),
        Map.entry("Shrink", Operator.of(Elementwise::shrink)),
        Map.entry("Sign", Operator.unary(NDArray::sign)),
        Map.entry("Floor", Operator.unary(NDArray::floor)),
        Map.entry("Ceil", Operator.unary(NDArray::ceil)),
        Map.entry("Round", Operator.unary(NDArray::round)),
        Map.entry("Reciprocal", Operator.unary(x -> x.pow(-1f))),
        Map.entry("Relu", Operator.unary(Activation::relu)),
        Map.entry("Tanh", Operator.unary(NDArray::tanh)),
        Map.entry("Sigmoid", Operator.unary(Activation::sigmoid)),
        Map.entry("Gelu", Operator.of(Elementwise::gelu)),
        Map.entry("FastGelu", Operator.of(c -> tanhGelu(biased(c)))),
        Map.entry("BiasGelu", Operator.of(c -> erfGelu(biased(c)))),
        Map.entry("QuickGelu", Operator.of(c -> swish(c.in(0), c.real("alpha", 1.702f)))),
        Map.entry("Swish", Operator.of(c -> swish(c.in(0), c.real("alpha", 1)))),
        Map.entry("Softplus", Operator.unary(Activation::softPlus)),
        Map.entry("Softsign", Operator.unary(Elementwise::softsign)),
        Map.entry("Mish", Operator.unary(x -> x.mul(Activation.softPlus(x).tanh()))),
        Map.entry("LeakyRelu", Operator.of(c -> leaky(c.in(0), c.real("alpha", 0.01f)))),
        Map.entry("PRelu", Operator.binary((x, slope) -> prelu(x, slope))),
        Map.entry("ThresholdedRelu", Operator.of(Elementwise::thresholded)),
        Map.entry("Elu", Operator.of(c -> elu(c.in(0), c.real("alpha", 1), 1))),
        Map.entry("Celu", Operator.of(Elementwise::celu)),
        Map.entry("Selu", Operator.of(Elementwise::selu)),
        Map.entry("HardSigmoid", Operator.of(Elementwise::hardSigmoid)),
        Map.entry("HardSwish", Operator.unary(x -> x.mul(hard(x, 1 / 6f, 0.5f)))),
        Map.entry("Clip", Operator.of(Elementwise::clip)));
  }

  /** Divides. Integer division truncates towards zero; DJL would divide integers in float32. */
  private static NDArray divided(NDArray left, NDArray right) {
    boolean integers = !left.getDataType().isFloating() && !right.getDataType().isFloating();
    return integers
        ? left.toType(DataType.FLOAT64, false).div(right).toType(DataType.INT64, false)
        : left.div(right);
  }

  /**
   * Computes the remainder. PyTorch's has the sign of the divisor, as ONNX requires for integers;
   * with fmod it must have the sign of the dividend.
   */
  private static NDArray remainder(Call call) {
    NDArray left = Call.near(call.in(0), call.in(1));
    NDArray right = Call.near(call.in(1), left);
    NDArray result = left.mod(right);
    if (call.integer("fmod", 0) == 0) {
      return result;
    }
    NDArray signsDiffer = left.lt(0).logicalXor(right.lt(0)).logicalAnd(result.neq(0));
    return result.sub(right.mul(signsDiffer.toType(right.getDataType(), false)));
  }

  private static NDArray reduce(Call call, BinaryOperator<NDArray> operation) {
    NDArray result = call.in(0);
    for (int i = 1; i < call.inputs().size(); i++) {
      result = operation.apply(Call.near(result, call.in(i)), Call.near(call.in(i), result));
    }
    return result;
  }

  /** Hendrycks and Gimpel 2016, in the erf or the tanh form. */
  private static NDArray gelu(Call call) {
    NDArray x = call.in(0);
    return call.text("approximate", "none").equals("tanh") ? tanhGelu(x) : erfGelu(x);
  }

  private static NDArray erfGelu(NDArray x) {
    return x.mul(x.mul((float) Math.sqrt(0.5)).erf().add(1f)).mul(0.5f);
  }

  private static NDArray biased(Call call) {
    NDArray bias = call.optional(1);
    return bias == null ? call.in(0) : call.in(0).add(bias);
  }

  private static NDArray tanhGelu(NDArray x) {
    NDArray inner = x.add(x.mul(x).mul(x).mul(0.044715f)).mul((float) TANH_GELU);
    return x.mul(inner.tanh().add(1f)).mul(0.5f);
  }

  private static NDArray swish(NDArray x, float alpha) {
    return x.mul(Activation.sigmoid(x.mul(alpha)));
  }

  public static NDArray softsign(NDArray x) {
    return x.div(x.abs().add(1f));
  }

  public static NDArray leaky(NDArray x, float alpha) {
    return x.maximum(0f).add(x.minimum(0f).mul(alpha));
  }

  private static NDArray prelu(NDArray x, NDArray slope) {
    return x.maximum(0f).add(x.minimum(0f).mul(slope));
  }

  private static NDArray thresholded(Call call) {
    NDArray x = call.in(0);
    return x.mul(x.gt(call.real("alpha", 1)).toType(DataType.FLOAT32, false));
  }

  /**
   * Soft threshold: values within {@code lambd} of zero become 0, others shrink by {@code bias}.
   */
  private static NDArray shrink(Call call) {
    NDArray x = call.in(0);
    NDArray far = x.abs().gt(call.real("lambd", 0.5f)).toType(DataType.FLOAT32, false);
    return x.sub(x.sign().mul(call.real("bias", 0))).mul(far);
  }

  /** Clamps the exponent to at most 0, so that the unused branch cannot overflow. */
  public static NDArray elu(NDArray x, float alpha, float scale) {
    return x.maximum(0f).add(x.minimum(0f).mul(scale).exp().sub(1f).mul(alpha));
  }

  private static NDArray celu(Call call) {
    float alpha = call.real("alpha", 1);
    return elu(call.in(0), alpha, 1 / alpha);
  }

  private static NDArray selu(Call call) {
    float alpha = call.real("alpha", 1.67326319f);
    return elu(call.in(0), alpha, 1).mul(call.real("gamma", 1.05070102f));
  }

  private static NDArray hardSigmoid(Call call) {
    return hard(call.in(0), call.real("alpha", 0.2f), call.real("beta", 0.5f));
  }

  public static NDArray hard(NDArray x, float alpha, float beta) {
    return x.mul(alpha).add(beta).maximum(0f).minimum(1f);
  }

  /** Bounds are attributes before opset 11 and inputs since; both are optional. */
  private static NDArray clip(Call call) {
    NDArray result = call.in(0);
    NDArray low = bound(call, "min", 1);
    NDArray high = bound(call, "max", 2);
    result = low == null ? result : result.maximum(low);
    return high == null ? result : result.minimum(high);
  }

  private static @Nullable NDArray bound(Call call, String attribute, int input) {
    if (call.has(attribute)) {
      return call.scope().create(call.real(attribute, 0));
    }
    NDArray value = call.optional(input);
    return value == null ? null : Call.near(value, call.in(0));
  }
}

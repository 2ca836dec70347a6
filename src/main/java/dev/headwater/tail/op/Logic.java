package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Map;

/** Comparisons, choices and casts: where a gradient passes by or ends. */
public final class Logic {
  private Logic() {}

  public static Map<String, Operator> operators() {
    return Map.ofEntries(
        Map.entry("Identity", Operator.unary(x -> x)),
        Map.entry("Dropout", Operator.unary(x -> x)),
        Map.entry("Cast", Operator.of(c -> cast(c.in(0), type(c.integer("to", 1))))),
        Map.entry("CastLike", Operator.binary((x, like) -> cast(x, like.getDataType()))),
        Map.entry("Equal", Operator.binary(NDArray::eq)),
        Map.entry("Greater", Operator.binary(NDArray::gt)),
        Map.entry("GreaterOrEqual", Operator.binary(NDArray::gte)),
        Map.entry("Less", Operator.binary(NDArray::lt)),
        Map.entry("LessOrEqual", Operator.binary(NDArray::lte)),
        Map.entry("And", Operator.binary(NDArray::logicalAnd)),
        Map.entry("Or", Operator.binary(NDArray::logicalOr)),
        Map.entry("Xor", Operator.binary(NDArray::logicalXor)),
        Map.entry("Not", Operator.unary(NDArray::logicalNot)),
        Map.entry("IsNaN", Operator.unary(NDArray::isNaN)),
        Map.entry("IsInf", Operator.unary(NDArray::isInfinite)),
        Map.entry("Where", Operator.of(Logic::where)));
  }

  private static DataType type(long onnx) {
    DataType type = Literals.held((int) onnx);
    if (type == null) {
      throw new IllegalArgumentException("cannot cast to element type " + onnx);
    }
    return type;
  }

  /** All floating-point types are float32 here; towards others, no gradient can pass anyway. */
  private static NDArray cast(NDArray x, DataType to) {
    return x.getDataType() == to ? x : x.toType(to, false);
  }

  private static NDArray where(Call call) {
    NDArray yes = Call.near(call.in(1), call.in(2));
    NDArray no = Call.near(call.in(2), yes);
    NDArray condition = Call.near(call.in(0), yes);
    return JniUtils.where((PtNDArray) condition, (PtNDArray) yes, (PtNDArray) no);
  }
}

package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.headwater.onnx.graph.Graph;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Comparisons, selections and casts, which pass a gradient through unchanged or stop it. */
public final class Logic {
  private Logic() {}

  public static Map<String, Operator> operators() {
    return Map.ofEntries(
        Map.entry("Identity", Operator.unary(x -> x)),
        Map.entry("Dropout", Logic::dropout),
        Map.entry("Cast", Operator.of(Logic::cast).unless(Logic::obstacle)),
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
        Map.entry("IsInf", Operator.of(Logic::infinite)),
        Map.entry("Where", Operator.of(Logic::where)));
  }

  /** Identity. The mask marks kept values by true; before opset 12, ONNX Runtime returns zeros. */
  private static NDList dropout(Call call) {
    NDArray x = call.in(0);
    if (call.node().getOutputCount() < 2) {
      return new NDList(x);
    }
    NDArray mask = call.opset() < 12 ? x.zerosLike() : x.onesLike();
    return new NDList(x, call.opset() < 10 ? mask : mask.toType(DataType.BOOLEAN, false));
  }

  private static NDArray infinite(Call call) {
    NDArray x = call.in(0);
    NDArray infinite = x.isInfinite();
    infinite = call.integer("detect_positive", 1) == 0 ? infinite.logicalAnd(x.lt(0)) : infinite;
    return call.integer("detect_negative", 1) == 0 ? infinite.logicalAnd(x.gt(0)) : infinite;
  }

  private static @Nullable String obstacle(NodeProto cast) {
    int type = (int) Graph.integer(cast, "to", 1);
    return Literals.held(type) == null
        ? "casts to the unsupported element type " + TensorProto.DataType.forNumber(type)
        : null;
  }

  private static NDArray cast(Call call) {
    DataType type = Literals.held((int) call.integer("to", 1));
    return cast(call.in(0), Objects.requireNonNull(type));
  }

  /** All floating-point types are float32 here; other types cannot carry a gradient anyway. */
  private static NDArray cast(NDArray x, DataType to) {
    return x.getDataType() == to ? x : x.toType(to, false);
  }

  private static NDArray where(Call call) {
    NDArray ifTrue = Call.near(call.in(1), call.in(2));
    NDArray ifFalse = Call.near(call.in(2), ifTrue);
    NDArray condition = Call.near(call.in(0), ifTrue);
    return JniUtils.where((PtNDArray) condition, (PtNDArray) ifTrue, (PtNDArray) ifFalse);
  }
}

package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** What one ONNX operator computes; differentiable wherever its mathematics is. */
@FunctionalInterface
public interface Operator {

  /** The node's outputs, in order; those at the end that nobody can ask for may be missing. */
  NDList apply(Call call);

  /** Why this node cannot be rebuilt, as the rest of a sentence; null if it can. */
  default @Nullable String obstacle(NodeProto node) {
    return null;
  }

  /** An operator with one output. */
  static Operator of(Function<Call, NDArray> result) {
    return call -> new NDList(result.apply(call));
  }

  /** An operator on its first input alone. */
  static Operator unary(UnaryOperator<NDArray> result) {
    return call -> new NDList(result.apply(call.in(0)));
  }

  /** An operator on two inputs that broadcast. */
  static Operator binary(BinaryOperator<NDArray> result) {
    return call -> {
      NDArray left = call.in(0);
      NDArray right = call.in(1);
      return new NDList(result.apply(Call.near(left, right), Call.near(right, left)));
    };
  }

  /** This operator, for those nodes only that {@code obstacle} finds nothing in the way of. */
  default Operator unless(Function<NodeProto, @Nullable String> obstacle) {
    Operator self = this;
    return new Operator() {
      @Override
      public NDList apply(Call call) {
        return self.apply(call);
      }

      @Override
      public @Nullable String obstacle(NodeProto node) {
        return obstacle.apply(node);
      }
    };
  }
}

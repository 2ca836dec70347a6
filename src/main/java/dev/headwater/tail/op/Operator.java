package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The computation of an ONNX operator, differentiable wherever the operator is. */
@FunctionalInterface
public interface Operator {

  /** Computes the node's outputs, in order. Trailing optional outputs may be missing. */
  NDList apply(Call call);

  /** Returns why this node is not supported, as a predicate; null if it is. */
  default @Nullable String obstacle(NodeProto node) {
    return null;
  }

  /** Creates an operator with one output. */
  static Operator of(Function<Call, NDArray> function) {
    return call -> new NDList(function.apply(call));
  }

  /** Creates an operator on its first input only. */
  static Operator unary(UnaryOperator<NDArray> function) {
    return call -> new NDList(function.apply(call.in(0)));
  }

  /** Creates an operator on two broadcasting inputs. */
  static Operator binary(BinaryOperator<NDArray> function) {
    return call -> {
      NDArray left = call.in(0);
      NDArray right = call.in(1);
      return new NDList(function.apply(Call.near(left, right), Call.near(right, left)));
    };
  }

  /** Restricts this operator to nodes for which {@code obstacle} returns null. */
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

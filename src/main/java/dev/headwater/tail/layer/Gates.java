package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Linear;
import dev.headwater.tail.op.Selection;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one direction of a recurrent layer, sliced once for all steps.
 *
 * @param input the input weights of all gates
 * @param recurrent the recurrent weights, per group of {@link Cell#together}
 * @param linearFirst whether a GRU applies the reset gate after the matrix product
 */
record Gates(
    Affine input,
    List<Affine> recurrent,
    List<UnaryOperator<NDArray>> activations,
    boolean linearFirst) {

  /**
   * @param weight [features, gates · width]
   */
  private record Affine(NDArray weight, @Nullable NDArray bias) {

    /** Slices rows of an ONNX weight, which is [gates · width, features], and transposes them. */
    static Affine of(NDArray weight, @Nullable NDArray bias, long from, long to) {
      return new Affine(
          Selection.part(weight, 0, from, to, 1).transpose(),
          bias == null ? null : Selection.part(bias, 0, from, to, 1));
    }

    NDArray of(NDArray x) {
      NDArray product = Linear.product(x, weight);
      return bias == null ? product : product.add(bias);
    }
  }

  static Gates of(Call call, int directionIndex, Cell cell, List<String> names) {
    NDArray weight = direction(call.in(2), directionIndex);
    long rows = weight.getShape().get(0);
    long width = weight.getShape().get(1);
    NDArray biases = call.optional(3);
    NDArray biasHalves =
        biases == null ? null : direction(biases, directionIndex).reshape(new Shape(2, rows));
    List<Affine> recurrent = new ArrayList<>();
    long from = 0;
    for (int gates : cell.together()) {
      long to = from + gates * width;
      recurrent.add(
          Affine.of(weight, biasHalves == null ? null : direction(biasHalves, 1), from, to));
      from = to;
    }
    return new Gates(
        Affine.of(
            direction(call.in(1), directionIndex),
            biasHalves == null ? null : direction(biasHalves, 0),
            0,
            rows),
        recurrent,
        names.stream().map(name -> Activations.of(name, Activations.defaults(name))).toList(),
        call.integer("linear_before_reset", 0) != 0);
  }

  static NDArray direction(NDArray all, int directionIndex) {
    return Selection.part(all, 0, directionIndex, directionIndex + 1, 1).squeeze(0);
  }

  NDArray activated(int index, NDArray x) {
    return activations.get(index).apply(x);
  }

  /** Returns the contribution of the inputs to each gate, for all positions. */
  NDArray shares(NDArray x) {
    return input.of(x);
  }

  /** Returns the contribution of the state to the gates of one group. */
  NDArray shares(NDArray state, int group) {
    return recurrent.get(group).of(state);
  }
}

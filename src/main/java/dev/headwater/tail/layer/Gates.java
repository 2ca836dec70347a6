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
 * One direction's weights of a recurrent layer, cut once for all its steps.
 *
 * @param input of all gates
 * @param recurrent of the gates that {@link Cell#together} names
 * @param linearFirst whether a GRU resets after the product, not before
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

    /** Those rows of what ONNX has the other way round. */
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

  static Gates of(Call call, int way, Cell cell, List<String> names) {
    NDArray weight = direction(call.in(2), way);
    long rows = weight.getShape().get(0);
    long width = weight.getShape().get(1);
    NDArray biases = call.optional(3);
    NDArray halves = biases == null ? null : direction(biases, way).reshape(new Shape(2, rows));
    List<Affine> recurrent = new ArrayList<>();
    long from = 0;
    for (int gates : cell.together()) {
      long to = from + gates * width;
      recurrent.add(Affine.of(weight, halves == null ? null : direction(halves, 1), from, to));
      from = to;
    }
    return new Gates(
        Affine.of(
            direction(call.in(1), way), halves == null ? null : direction(halves, 0), 0, rows),
        recurrent,
        names.stream().map(name -> Activations.of(name, Activations.defaults(name))).toList(),
        call.integer("linear_before_reset", 0) != 0);
  }

  static NDArray direction(NDArray all, int way) {
    return Selection.part(all, 0, way, way + 1, 1).squeeze(0);
  }

  NDArray activated(int which, NDArray x) {
    return activations.get(which).apply(x);
  }

  /** What the inputs, of all places, add to each gate. */
  NDArray shares(NDArray x) {
    return input.of(x);
  }

  /** What the state adds to the gates of one part. */
  NDArray shares(NDArray state, int part) {
    return recurrent.get(part).of(state);
  }
}

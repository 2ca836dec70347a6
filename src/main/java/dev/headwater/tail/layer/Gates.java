package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Linear;
import dev.headwater.tail.op.Selection;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One direction's weights of a recurrent layer, gate below gate.
 *
 * @param input [gates · width, features]
 * @param recurrent [gates · width, width]
 * @param bias of input, then recurrent; null where there is none
 * @param linearFirst whether a GRU resets after the product, not before
 */
record Gates(
    NDArray input,
    NDArray recurrent,
    @Nullable NDArray bias,
    List<UnaryOperator<NDArray>> activations,
    boolean linearFirst) {

  static Gates of(Call call, int way, List<String> named, List<String> defaults) {
    int count = defaults.size();
    List<String> names = named.isEmpty() ? defaults : named.subList(way * count, (way + 1) * count);
    NDArray bias = call.optional(3);
    return new Gates(
        of(call.in(1), 0, way),
        of(call.in(2), 0, way),
        bias == null ? null : of(bias, 0, way),
        names.stream().map(name -> Activations.of(name).orElseThrow()).toList(),
        call.integer("linear_before_reset", 0) != 0);
  }

  /** One direction's part. */
  static NDArray of(NDArray all, int axis, int way) {
    return Selection.part(all, axis, way, way + 1, 1).squeeze(axis);
  }

  NDArray activated(int which, NDArray x) {
    return activations.get(which).apply(x);
  }

  /** What the inputs, of all places, add to each gate. */
  NDArray shares(NDArray x) {
    NDArray product = Linear.product(x, input.transpose());
    return bias == null ? product : product.add(Selection.part(bias, 0, 0, rows(), 1));
  }

  /** What the state adds to those gates, of so many in all. */
  NDArray shares(NDArray state, int from, int to, int all) {
    long width = rows() / all;
    NDArray product =
        Linear.product(
            state, Selection.part(recurrent, 0, from * width, to * width, 1).transpose());
    return bias == null
        ? product
        : product.add(Selection.part(bias, 0, rows() + from * width, rows() + to * width, 1));
  }

  private long rows() {
    return recurrent.getShape().get(0);
  }
}

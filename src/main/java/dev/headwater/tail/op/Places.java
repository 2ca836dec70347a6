package dev.headwater.tail.op;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Operators that read, write or return tensor indexes: gather, scatter, arg-max and top-k. */
public final class Places {
  private Places() {}

  public static Map<String, Operator> operators() {
    return Map.ofEntries(
        Map.entry("GatherND", Operator.of(Places::gather)),
        Map.entry("ScatterND", Operator.of(Places::scatter).unless(Places::reduces)),
        Map.entry("ScatterElements", Operator.of(Places::scatterElements).unless(Places::reduces)),
        Map.entry("Scatter", Operator.of(Places::scatterElements)),
        Map.entry("ArgMax", Operator.of(call -> extreme(call, true))),
        Map.entry("ArgMin", Operator.of(call -> extreme(call, false))),
        Map.entry("TopK", topK()),
        Map.entry("OneHot", Operator.of(Places::oneHot)));
  }

  private static @Nullable String reduces(NodeProto node) {
    String reduction = Call.text(node, "reduction", "none");
    return reduction.equals("none") ? null : "uses the unsupported reduction `" + reduction + "`";
  }

  private static Operator topK() {
    Operator operator = Places::most;
    return operator.unless(
        node ->
            Graph.integer(node, "sorted", 1) == 1 ? null : "returns unsorted values (sorted = 0)");
  }

  /** Merges the batch axes and the indexed axes into one, and gathers rows from it. */
  private static NDArray gather(Call call) {
    NDArray x = call.in(0);
    Shape index = call.in(1).getShape();
    int batches = Math.toIntExact(call.integer("batch_dims", 0));
    int indexed = batches + Math.toIntExact(index.get(index.dimension() - 1));
    Shape trailing = x.getShape().slice(indexed);
    NDArray rows = x.reshape(new Shape(x.getShape().slice(0, indexed).size()).addAll(trailing));
    return Selection.chosen(rows, 0, rows(call.in(1), x.getShape(), batches))
        .reshape(index.slice(0, index.dimension() - 1).addAll(trailing));
  }

  /** Returns the row numbers of the indexes, with batch axes and indexed axes merged into one. */
  private static long[] rows(NDArray indexes, Shape shape, int batches) {
    long[] index = Call.longs(indexes);
    Shape given = indexes.getShape();
    int depth = Math.toIntExact(given.get(given.dimension() - 1));
    long each = shape.slice(batches, batches + depth).size();
    long perBatch = given.slice(batches, given.dimension() - 1).size();
    long[] rows = new long[Math.toIntExact(given.slice(0, given.dimension() - 1).size())];
    for (int row = 0; row < rows.length; row++) {
      long at = 0;
      for (int i = 0; i < depth; i++) {
        long position = index[row * depth + i];
        long size = shape.get(batches + i);
        at = at * size + (position < 0 ? position + size : position);
      }
      rows[row] = row / perBatch * each + at;
    }
    return rows;
  }

  private static NDArray scatter(Call call) {
    NDArray x = call.in(0);
    Shape index = call.in(1).getShape();
    int depth = Math.toIntExact(index.get(index.dimension() - 1));
    long count = x.getShape().slice(0, depth).size();
    long width = x.getShape().slice(depth).size();
    long[] rows = rows(call.in(1), x.getShape(), 0);
    NDArray indexes =
        call.create(rows, new Shape(rows.length, 1)).broadcast(new Shape(rows.length, width));
    NDArray updates = Call.near(call.in(2), x).reshape(new Shape(rows.length, width));
    return write(x.reshape(new Shape(count, width)), indexes, updates, 0).reshape(x.getShape());
  }

  private static NDArray scatterElements(Call call) {
    NDArray x = call.in(0);
    int axis = Call.axis(call.integer("axis", 0), x.getShape().dimension());
    NDArray index = call.in(1);
    NDArray negative = index.lt(0).toType(DataType.INT64, false);
    NDArray indexes = index.add(negative.mul(x.getShape().get(axis)));
    return write(x, indexes, Call.near(call.in(2), x), axis);
  }

  private static NDArray write(NDArray x, NDArray indexes, NDArray updates, int axis) {
    return JniUtils.scatter(
        (PtNDArray) x, (PtNDArray) Selection.beside(indexes, x), (PtNDArray) updates, axis);
  }

  private static NDArray extreme(Call call, boolean most) {
    NDArray x = most ? call.in(0) : call.in(0).neg();
    int axis = Call.axis(call.integer("axis", 0), x.getShape().dimension());
    boolean last = call.integer("select_last_index", 0) != 0;
    boolean keeps = call.integer("keepdims", 1) == 1;
    NDArray result = JniUtils.argMax((PtNDArray) (last ? x.flip(axis) : x), axis, keeps);
    NDArray position = last ? result.neg().add(x.getShape().get(axis) - 1) : result;
    return position.toDevice(Device.cpu(), false);
  }

  /** The number k is an attribute before opset 10 and an input since. */
  private static NDList most(Call call) {
    NDArray x = call.in(0);
    int axis = Call.axis(call.integer("axis", -1), x.getShape().dimension());
    long[] given = call.longs(1);
    int count = Math.toIntExact(given == null ? call.integer("k", 1) : given[0]);
    NDArray positions = ranked(call, axis, count, call.integer("largest", 1) != 0);
    return new NDList(x.gather(Selection.beside(positions, x), axis), positions);
  }

  /** Sorts in Java: of equal values ONNX requires the first, while PyTorch returns any. */
  private static NDArray ranked(Call call, int axis, int count, boolean largest) {
    NDArray x = call.in(0);
    int last = x.getShape().dimension() - 1;
    int size = Math.toIntExact(x.getShape().get(axis));
    NDArray rows = x.swapAxes(axis, last);
    double[] values = rows.toType(DataType.FLOAT64, false).toDoubleArray();
    long[] result = new long[size == 0 ? 0 : values.length / size * count];
    for (int row = 0; row < result.length / Math.max(1, count); row++) {
      int from = row * size;
      // adding 0.0 turns -0.0 into 0.0: Double.compare orders -0.0 first, but they are equal
      Comparator<Integer> order = Comparator.comparingDouble(i -> values[from + i] + 0.0);
      int[] best =
          IntStream.range(0, size)
              .boxed()
              .sorted(largest ? order.reversed() : order)
              .mapToInt(Integer::intValue)
              .toArray();
      for (int i = 0; i < count; i++) {
        result[row * count + i] = best[i];
      }
    }
    Shape shape = rows.getShape().slice(0, last).add(count);
    return call.create(result, shape).swapAxes(axis, last);
  }

  private static NDArray oneHot(Call call) {
    long depth = Call.longs(call.in(1))[0];
    NDArray given = call.in(0).toType(DataType.INT64, false).toDevice(Device.cpu(), false);
    NDArray index = given.add(given.lt(0).toType(DataType.INT64, false).mul(depth));
    int rank = index.getShape().dimension();
    int axis = Call.axis(call.integer("axis", -1), rank + 1);
    long[] shape = new long[rank + 1];
    Arrays.fill(shape, 1);
    shape[axis] = depth;
    NDArray positions =
        call.create(LongStream.range(0, depth).toArray(), new Shape(depth))
            .reshape(new Shape(shape));
    NDArray hot = index.expandDims(axis).eq(positions);
    NDArray values = call.in(2);
    return JniUtils.where(
        (PtNDArray) Call.near(hot, values),
        (PtNDArray) Selection.part(values, 0, 1, 2, 1),
        (PtNDArray) Selection.part(values, 0, 0, 1, 1));
  }
}

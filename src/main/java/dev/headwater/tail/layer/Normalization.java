package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import dev.headwater.tail.op.Reduction;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Batch, layer, root-mean-square, instance and group normalisation, and softmax. */
public final class Normalization {
  private Normalization() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "BatchNormalization", Operator.of(Normalization::batch).unless(Normalization::training),
        "LayerNormalization", Operator.of(Normalization::layer).unless(Normalization::statistics),
        "RMSNormalization", Operator.of(Normalization::rootMeanSquare),
        "SimplifiedLayerNormalization",
            Operator.of(Normalization::rootMeanSquare).unless(Normalization::statistics),
        "InstanceNormalization", Operator.of(Normalization::instance),
        "GroupNormalization", Operator.of(Normalization::group),
        "LpNormalization", Operator.of(Normalization::unit),
        "Softmax", Operator.of(call -> softmax(call, false)),
        "LogSoftmax", Operator.of(call -> softmax(call, true)));
  }

  /** Before opset 14, requesting the training outputs enabled training mode. */
  private static @Nullable String training(NodeProto node) {
    if (Graph.integer(node, "spatial", 1) == 0) {
      return "normalises each position separately (spatial = 0)";
    }
    return trains(node)
        ? "normalises with batch statistics (training mode): export the model in eval mode"
        : null;
  }

  private static boolean trains(NodeProto node) {
    boolean hasTrainingOutputs =
        node.getOutputList().stream().skip(1).anyMatch(output -> !output.isEmpty());
    return hasTrainingOutputs || Graph.integer(node, "training_mode", 0) != 0;
  }

  static @Nullable String statistics(NodeProto node) {
    return node.getOutputList().stream().skip(1).limit(2).allMatch(String::isEmpty)
        ? null
        : "also returns mean or deviation, which is not supported";
  }

  /** Uses frozen running statistics; weight standardisation uses the statistics of the weights. */
  private static NDArray batch(Call call) {
    NDArray x = call.in(0);
    if (trains(call.node())) {
      NDArray channelsFirst = x.swapAxes(0, 1);
      NDArray rows = channelsFirst.reshape(new Shape(channelsFirst.getShape().get(0), -1));
      NDArray normalised =
          standard(rows, call.real("epsilon", 1e-5f)).reshape(channelsFirst.getShape());
      NDArray scaled =
          normalised.swapAxes(0, 1).mul(channels(call.in(1), x.getShape().dimension()));
      return scaled.add(channels(call.in(2), x.getShape().dimension()));
    }
    int rank = x.getShape().dimension();
    NDArray factor = call.in(1).div(call.in(4).add(call.real("epsilon", 1e-5f)).sqrt());
    NDArray shift = call.in(2).sub(call.in(3).mul(factor));
    return x.mul(channels(factor, rank)).add(channels(shift, rank));
  }

  /** Reshapes one value per channel so that it broadcasts over a tensor of this rank. */
  private static NDArray channels(NDArray values, int rank) {
    long[] shape = new long[Math.max(1, rank - 1)];
    Arrays.fill(shape, 1);
    shape[0] = values.size();
    return values.reshape(new Shape(shape));
  }

  private static NDArray layer(Call call) {
    NDArray normalised = standard(rows(call), call.real("epsilon", 1e-5f));
    NDArray scaled = normalised.reshape(call.in(0).getShape()).mul(call.in(1));
    NDArray bias = call.optional(2);
    return bias == null ? scaled : scaled.add(bias);
  }

  /** RMS normalisation; before opset 23 ONNX Runtime calls it SimplifiedLayerNormalization. */
  private static NDArray rootMeanSquare(Call call) {
    NDArray normalised = rootMeanSquare(rows(call), call.real("epsilon", 1e-5f));
    return normalised.reshape(call.in(0).getShape()).mul(call.in(1));
  }

  static NDArray rootMeanSquare(NDArray rows, float epsilon) {
    int[] last = {rows.getShape().dimension() - 1};
    return rows.div(rows.mul(rows).mean(last, true).add(epsilon).sqrt());
  }

  /** Flattens all axes from {@code axis} on into one. */
  private static NDArray rows(Call call) {
    Shape shape = call.in(0).getShape();
    int axis = Call.axis(call.integer("axis", -1), shape.dimension());
    return call.in(0).reshape(new Shape(shape.slice(0, axis).size(), -1));
  }

  /** Normalises each row to mean 0 and variance 1. */
  static NDArray standard(NDArray rows, float epsilon) {
    int[] last = {rows.getShape().dimension() - 1};
    NDArray centred = rows.sub(rows.mean(last, true));
    return centred.div(centred.mul(centred).mean(last, true).add(epsilon).sqrt());
  }

  private static NDArray instance(Call call) {
    Shape shape = call.in(0).getShape();
    return grouped(call, shape.get(1));
  }

  private static NDArray group(Call call) {
    return grouped(call, call.integer("num_groups", 1));
  }

  /** Scale and bias have one value per channel; before opset 21, one per group. */
  private static NDArray grouped(Call call, long groups) {
    NDArray x = call.in(0);
    Shape shape = x.getShape();
    NDArray rows = x.reshape(new Shape(shape.get(0) * groups, -1));
    NDArray normalised = standard(rows, call.real("epsilon", 1e-5f));
    NDArray scale = call.in(1);
    if (scale.size() != shape.get(1)) {
      Shape perGroup = new Shape(1, groups, 1);
      NDArray apart = normalised.reshape(new Shape(shape.get(0), groups, -1));
      return apart.mul(scale.reshape(perGroup)).add(call.in(2).reshape(perGroup)).reshape(shape);
    }
    int rank = shape.dimension();
    return normalised.reshape(shape).mul(channels(scale, rank)).add(channels(call.in(2), rank));
  }

  private static NDArray unit(Call call) {
    NDArray x = call.in(0);
    int[] axis = {Call.axis(call.integer("axis", -1), x.getShape().dimension())};
    NDArray length =
        call.integer("p", 2) == 1
            ? x.abs().sum(axis, true)
            : Reduction.length(x.mul(x).sum(axis, true));
    return x.div(length.maximum(1e-12f));
  }

  /** Before opset 13, softmax runs over all axes from {@code axis} on, flattened. */
  private static NDArray softmax(Call call, boolean log) {
    NDArray x = call.in(0);
    Shape shape = x.getShape();
    int rank = shape.dimension();
    if (call.opset() >= 13) {
      int axis = Call.axis(call.integer("axis", -1), rank);
      return log ? x.logSoftmax(axis) : x.softmax(axis);
    }
    int axis = Call.axis(call.integer("axis", 1), rank);
    NDArray rows = x.reshape(new Shape(shape.slice(0, axis).size(), -1));
    return (log ? rows.logSoftmax(1) : rows.softmax(1)).reshape(shape);
  }
}

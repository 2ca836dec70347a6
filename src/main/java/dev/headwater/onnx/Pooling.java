package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Numbers;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Pools hidden states or feature maps to one vector per record.
 *
 * <p>Hidden states are pooled as in sentence-transformers: the mean where the mask is 1, or the
 * first state, optionally scaled to L2 norm 1. Denominators are clamped away from zero. Maps are
 * pooled by their spatial mean (global average pooling: Lin et al. 2014).
 */
final class Pooling {
  /** The first opset in which ReduceSum and Unsqueeze take their axes as an input. */
  private static final long AXES_AS_INPUT = 13;

  /** The first opset in which Max broadcasts. */
  private static final long MIN_OPSET = 8;

  private static final Set<DataType> MASKS =
      Set.of(DataType.INT64, DataType.INT32, DataType.FLOAT, DataType.BOOL);

  private final Graph graph;
  private final long opset;
  private final GraphProto.Builder result;

  private Pooling(Graph graph, long opset) {
    this.graph = graph;
    this.opset = opset;
    this.result = graph.proto().toBuilder();
  }

  static GraphProto mean(Graph graph, long opset, String hidden, String mask, boolean normalize)
      throws OnnxException {
    long dim = width(graph, hidden);
    checkMask(graph, mask);
    Pooling pooling = of(graph, opset);
    return pooling.finish(pooling.mean(hidden, mask), dim, normalize);
  }

  static GraphProto mean(Graph graph, long opset, String hidden, boolean normalize)
      throws OnnxException {
    long dim = width(graph, hidden);
    Pooling pooling = of(graph, opset);
    return pooling.finish(pooling.mean(hidden), dim, normalize);
  }

  static GraphProto first(Graph graph, long opset, String hidden, boolean normalize)
      throws OnnxException {
    long dim = width(graph, hidden);
    Pooling pooling = of(graph, opset);
    return pooling.finish(pooling.first(hidden), dim, normalize);
  }

  /**
   * Adds the spatial mean of a map.
   *
   * @param name unused name of the result
   */
  static GraphProto average(Graph graph, long opset, String map, String name) {
    Pooling pooling = new Pooling(graph, opset);
    pooling.spatialMean(map, graph.unused(name + "/mean"), name); // unique per map
    return pooling.result.build();
  }

  private static Pooling of(Graph graph, long opset) throws OnnxException {
    if (opset < MIN_OPSET) {
      throw new OnnxException(
          "Pooling needs opset %d or newer, but the model has opset %d: convert it with onnx.version_converter."
              .formatted(MIN_OPSET, opset));
    }
    return new Pooling(graph, opset);
  }

  private GraphProto finish(String pooled, long dim, boolean normalize) {
    String name = graph.unused("sentence_embedding");
    node("Identity", name, normalize ? normalized(pooled) : pooled);
    return result
        .clearOutput()
        .addOutput(Declared.value(name, DataType.FLOAT, Optional.of(new long[] {-1, dim})))
        .build();
  }

  private static long width(Graph graph, String hidden) throws OnnxException {
    if (!graph.has(hidden) || graph.constant(hidden)) {
      throw new OnnxException(
          "There is no computed tensor `%s` to pool. The outputs are %s."
              .formatted(hidden, graph.outputs()));
    }
    DataType type = Declared.type(graph, hidden);
    long[] shape = graph.shapes().shape(hidden).orElse(new long[0]);
    if (type != DataType.FLOAT || shape.length != 3) {
      throw new OnnxException(
          "`%s` cannot be pooled: expected FLOAT [N, T, D], got %s of %d dimensions."
              .formatted(hidden, type, shape.length));
    }
    return shape[2];
  }

  private static void checkMask(Graph graph, String mask) throws OnnxException {
    DataType type = graph.shapes().type(mask).orElse(DataType.UNDEFINED);
    int rank = graph.shapes().shape(mask).map(shape -> shape.length).orElse(2);
    if (!graph.has(mask) || !MASKS.contains(type) || rank != 2) {
      throw new OnnxException(
          "There is no mask `%s` of shape [N, T] to pool with. The inputs are %s."
              .formatted(mask, graph.inputs().stream().map(input -> input.getName()).toList()));
    }
  }

  private String first(String hidden) {
    String zero = name("first");
    result.addInitializer(
        TensorProto.newBuilder().setName(zero).setDataType(DataType.INT64_VALUE).addInt64Data(0));
    String output = name("token");
    result.addNode(
        NodeProto.newBuilder()
            .setOpType("Gather")
            .addInput(hidden)
            .addInput(zero)
            .addOutput(output)
            .addAttribute(integer("axis", 1)));
    return output;
  }

  /** Uses operators whose axes have the same form in every opset. */
  private String mean(String hidden) {
    String transposed = name("turned");
    result.addNode(
        NodeProto.newBuilder()
            .setOpType("Transpose")
            .addInput(hidden)
            .addOutput(transposed)
            .addAttribute(
                AttributeProto.newBuilder()
                    .setName("perm")
                    .setType(AttributeType.INTS)
                    .addAllInts(List.of(0L, 2L, 1L))));
    String mean = name("mean");
    return spatialMean(transposed, mean, name("flat"));
  }

  /** Averages over all dimensions after the second. */
  private String spatialMean(String map, String mean, String to) {
    return node("Flatten", to, node("GlobalAveragePool", mean, map));
  }

  private String mean(String hidden, String mask) {
    String weights = name("mask");
    result.addNode(
        NodeProto.newBuilder()
            .setOpType("Cast")
            .addInput(mask)
            .addOutput(weights)
            .addAttribute(integer("to", DataType.FLOAT_VALUE)));
    String sum =
        sum(node("Mul", name("masked"), hidden, onAxes("Unsqueeze", weights, 2, false)), false);
    String count = sum(weights, true);
    return node("Div", name("mean"), sum, atLeast(count, 1e-9f));
  }

  private String normalized(String mean) {
    String squares = sum(node("Mul", name("squares"), mean, mean), true);
    String length = node("Sqrt", name("length"), squares);
    return node("Div", name("unit"), mean, atLeast(length, 1e-12f));
  }

  private String atLeast(String tensor, float minimum) {
    String floor = name("floor");
    result.addInitializer(Numbers.tensor(floor, new long[] {1}, new float[] {minimum}));
    return node("Max", name("clamped"), tensor, floor);
  }

  private String sum(String tensor, boolean keep) {
    return onAxes("ReduceSum", tensor, 1, keep);
  }

  private String onAxes(String op, String tensor, long axis, boolean keep) {
    String output = name(op);
    NodeProto.Builder node =
        NodeProto.newBuilder().setOpType(op).addInput(tensor).addOutput(output);
    if (op.equals("ReduceSum")) {
      node.addAttribute(integer("keepdims", keep ? 1 : 0));
    }
    if (opset >= AXES_AS_INPUT) {
      String axes = name("axes");
      result.addInitializer(
          TensorProto.newBuilder()
              .setName(axes)
              .setDataType(DataType.INT64_VALUE)
              .addDims(1)
              .addInt64Data(axis));
      node.addInput(axes);
    } else {
      node.addAttribute(
          AttributeProto.newBuilder().setName("axes").setType(AttributeType.INTS).addInts(axis));
    }
    result.addNode(node);
    return output;
  }

  private String node(String op, String output, String... inputs) {
    result.addNode(
        NodeProto.newBuilder().setOpType(op).addAllInput(List.of(inputs)).addOutput(output));
    return output;
  }

  private String name(String suffix) {
    return graph.unused("pooling/" + result.getNodeCount() + "/" + suffix);
  }

  private static AttributeProto integer(String name, long value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value).build();
  }
}

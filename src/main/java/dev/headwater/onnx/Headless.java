package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import dev.headwater.onnx.graph.Checks;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Numbers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;

/**
 * Attaches an untrained head to a backbone's features. Hidden layers start from a fixed seed with
 * normal weights of variance 2 / inputs (He et al. 2015) and zero bias. The last layer starts
 * without classes.
 */
final class Headless {
  private static final long SEED = 20151211;

  private final Graph graph;
  private final GraphProto.Builder result;
  private final boolean dense;
  private final List<Split.Slot> slots = new ArrayList<>();
  private final List<Parameter> initial = new ArrayList<>();
  private final Random random = new Random(SEED);

  private Headless(Graph graph, boolean dense) {
    this.graph = graph;
    this.result = graph.proto().toBuilder().clearOutput();
    this.dense = dense;
  }

  static Split split(ModelProto header, Graph graph, String features, NewHead head)
      throws OnnxException {
    long[] shape = featureShape(graph, features);
    boolean dense = shape.length == 4;
    if (head.resizes() && !dense) {
      throw new OnnxException(
          "`%s` has one vector per record, but a dense head needs a map [N, C, H, W]."
              .formatted(features));
    }
    if (head.subclasses() > 1 && dense) {
      throw new OnnxException(
          "`%s` is a map, but a head with subclasses needs vectors [N, D].".formatted(features));
    }
    if (head.resizes() && Checks.opset(header) < 11) {
      throw new OnnxException(
          "A dense head that upsamples needs opset 11 or newer: export the model again.");
    }
    return new Headless(graph, dense).build(header, features, shape, head);
  }

  private Split build(ModelProto header, String features, long[] shape, NewHead head) {
    int dim = Math.toIntExact(shape[1]);
    String current = features;
    int[] inputs = head.inputs(dim);
    int last = inputs.length - 1;
    for (int layer = 0; layer < last; layer++) {
      String prefix = "head.hidden." + layer;
      String output =
          addLayer(current, graph.unused(prefix), prefix, inputs[layer + 1], inputs[layer]);
      current = graph.unused(prefix + ".relu");
      add("Relu", current, List.of(output));
    }
    String logits = graph.unused(head.resizes() ? "scores" : "logits");
    if (head.subclasses() > 1) {
      addSubclassLayers(current, logits, Checks.opset(header), head.subclasses(), dim);
    } else {
      addLayer(current, logits, "head", 0, inputs[last]);
    }
    Split.Slot weight = slots.get(slots.size() - 2);
    Split.Slot bias = slots.get(slots.size() - 1);
    if (head.resizes()) {
      logits = addResize(logits, graph.unused("logits"), head);
    }
    long[] out = new long[dense ? 4 : 2];
    Arrays.fill(out, -1);
    for (int axis = 2; axis < out.length; axis++) {
      out[axis] = Math.max(-1, shape[axis] * head.scale());
    }
    result.addOutput(Declared.value(logits, DataType.FLOAT, Optional.of(out)));
    boolean linear = head.equals(NewHead.LINEAR);
    return new Split(
        header,
        new Graph(result.build()),
        Optional.empty(),
        new Split.Spec(
            slots.size() / 2,
            List.of(features),
            dense ? -1 : dim,
            new Split.Logits(logits, dense ? 1 : -1, 0),
            List.copyOf(slots),
            List.copyOf(initial),
            List.of(),
            linear
                ? Optional.of(new LinearLayer(weight.name(), bias.name(), true))
                : Optional.empty()));
  }

  /**
   * Adds a layer and its initial weights.
   *
   * @param units number of outputs; 0 for the last layer, whose outputs are the classes
   */
  private String addLayer(String from, String to, String prefix, int units, int inputs) {
    String weight = graph.unused(prefix + ".weight");
    String bias = graph.unused(prefix + ".bias");
    int kernelSize = dense && units > 0 ? NewHead.SIDE : 1;
    long[] shape =
        dense ? new long[] {units, inputs, kernelSize, kernelSize} : new long[] {units, inputs};
    slots.add(new Split.Slot(weight, shape, units == 0 ? 0 : -1));
    slots.add(new Split.Slot(bias, new long[] {units}, units == 0 ? 0 : -1));
    if (units > 0) {
      int fanIn = Math.multiplyExact(inputs, kernelSize * kernelSize);
      float[] values = new float[Math.multiplyExact(units, fanIn)];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) (random.nextGaussian() * Math.sqrt(2.0 / fanIn));
      }
      initial.add(new Parameter(weight, shape, values));
      initial.add(new Parameter(bias, new long[] {units}, new float[units]));
    }
    NodeProto.Builder node = node(dense ? "Conv" : "Gemm", to, List.of(from, weight, bias));
    if (!dense) {
      node.addAttributeBuilder().setName("transB").setType(AttributeType.INT).setI(1);
    }
    if (kernelSize > 1) {
      long pad = kernelSize / 2;
      node.addAttributeBuilder()
          .setName("pads")
          .setType(AttributeType.INTS)
          .addAllInts(List.of(pad, pad, pad, pad));
    }
    result.addNode(node);
    return to;
  }

  /** Adds one linear layer per subclass over all classes, combined by log-sum-exp per class. */
  private void addSubclassLayers(String from, String to, long opset, int count, int dim) {
    String weight = graph.unused("head.weight");
    String bias = graph.unused("head.bias");
    String factor = graph.unused("head.factor");
    slots.add(new Split.Slot(factor, new long[] {1}, -1));
    initial.add(new Parameter(factor, new long[] {1}, new float[] {1}));
    slots.add(new Split.Slot(weight, new long[] {count, dim, 0}, 2));
    slots.add(new Split.Slot(bias, new long[] {count, 1, 0}, 2));
    String rows = graph.unused("head.rows");
    String shifted = graph.unused("head.rows.shifted");
    String summed = graph.unused("head.summed");
    add("MatMul", rows, List.of(from, weight));
    add("Add", shifted, List.of(rows, bias));
    NodeProto.Builder sum = node("ReduceLogSumExp", summed, List.of(shifted));
    sum.addAttributeBuilder().setName("keepdims").setType(AttributeType.INT).setI(0);
    if (opset < 18) {
      sum.addAttributeBuilder().setName("axes").setType(AttributeType.INTS).addInts(0);
    } else {
      String axes = graph.unused("head.axes");
      result.addInitializer(
          TensorProto.newBuilder()
              .setName(axes)
              .setDataType(DataType.INT64_VALUE)
              .addDims(1)
              .addInt64Data(0));
      sum.addInput(axes);
    }
    result.addNode(sum);
    add("Mul", to, List.of(summed, factor));
  }

  /** Upsamples by a factor, not to a size, so that a tile gives the same values as the map. */
  private String addResize(String from, String to, NewHead head) {
    // opsets 11 and 12 require empty tensors for omitted inputs
    String none = graph.unused("head.none");
    result.addInitializer(
        TensorProto.newBuilder().setName(none).setDataType(DataType.FLOAT_VALUE).addDims(0));
    String scales = graph.unused("head.scales");
    float[] factors = {1, 1, head.scale(), head.scale()};
    result.addInitializer(Numbers.tensor(scales, new long[] {4}, factors));
    result.addNode(
        node("Resize", to, List.of(from, none, scales))
            .addAttribute(stringAttribute("mode", "linear"))
            .addAttribute(stringAttribute("coordinate_transformation_mode", "half_pixel")));
    return to;
  }

  private static AttributeProto stringAttribute(String name, String value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeType.STRING)
        .setS(ByteString.copyFromUtf8(value))
        .build();
  }

  private void add(String op, String to, List<String> from) {
    result.addNode(node(op, to, from));
  }

  private static NodeProto.Builder node(String op, String to, List<String> from) {
    return NodeProto.newBuilder().setOpType(op).addAllInput(from).addOutput(to);
  }

  static void requireComputed(Graph graph, String features) throws OnnxException {
    if (!graph.has(features) || graph.constant(features)) {
      throw new OnnxException(
          "There is no computed tensor `%s` to attach a head to. The outputs are %s."
              .formatted(features, graph.outputs()));
    }
  }

  /** Returns the integer factor between image size and map size. */
  static int scale(Graph graph, String features, long height, long width) throws OnnxException {
    requireComputed(graph, features);
    long[] map = graph.shapes().shape(features).orElse(new long[0]);
    String rendered = Arrays.toString(map).replace("-1", "?");
    if (map.length != 4) {
      throw new OnnxException(
          "`%s` has shape %s, but a dense head needs a map [N, C, H, W]: cut before the model pools or flattens it."
              .formatted(features, rendered));
    }
    if (map[2] < 1 || map[3] < 1) {
      throw new OnnxException(
          "The map `%s` has shape %s, whose height and width cannot be inferred from the image size: cut at another tensor."
              .formatted(features, rendered));
    }
    long scale = height / map[2];
    if (scale * map[2] != height || scale * map[3] != width) {
      throw new OnnxException(
          "The image size %d x %d is not an integer multiple of the size of the map `%s`, %d x %d: use another image size, or cut at another tensor."
              .formatted(height, width, features, map[2], map[3]));
    }
    return Math.toIntExact(scale);
  }

  private static long[] featureShape(Graph graph, String features) throws OnnxException {
    requireComputed(graph, features);
    DataType type = Declared.type(graph, features);
    if (type != DataType.FLOAT) {
      throw new OnnxException(
          "`%s` is %s, but a head needs FLOAT features.".formatted(features, type));
    }
    long[] shape = graph.shapes().shape(features).orElse(new long[0]);
    String rendered = Arrays.toString(shape).replace("-1", "?");
    if (shape.length == 3) {
      throw new OnnxException(
          "`%s` has one vector per token, %s: pool it first, then attach the head to the result."
              .formatted(features, rendered));
    }
    if ((shape.length != 2 && shape.length != 4) || shape[1] <= 0) {
      throw new OnnxException(
          "`%s` has shape %s, expected [N, D] with a fixed D or a map [N, C, H, W] with a fixed C: export the model with shapes."
              .formatted(features, rendered));
    }
    return shape;
  }
}

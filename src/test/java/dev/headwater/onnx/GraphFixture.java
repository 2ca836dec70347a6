package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * Builds small ONNX models, the way exporters spell them. Deterministic: weights come from a fixed
 * seed in the order they are asked for.
 *
 * <p>Ready-made: {@link #gemm}, {@link #mlp}, {@link #matMulAdd}, {@link #conv1x1}, {@link #qdq}
 * and {@link #encoder}; or start from {@link #opset} and add what is wanted. Dimension -1 is
 * dynamic.
 */
public final class GraphFixture {
  private final Random random = new Random(7);
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("fixture");
  private final ModelProto.Builder model = ModelProto.newBuilder().setProducerName("fixture");

  private GraphFixture(long opset, long irVersion) {
    model.setIrVersion(irVersion).addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset));
  }

  public static GraphFixture opset(long opset) {
    return new GraphFixture(opset, opset < 9 ? 3 : 8);
  }

  /** features [N, dim] → Gemm(transB) → logits [N, classes]. */
  public static byte[] gemm(int dim, int classes) {
    return opset(17)
        .input("features", -1, dim)
        .weight("fc.weight", classes, dim)
        .weight("fc.bias", classes)
        .node("Gemm", "logits", Map.of("transB", 1), "features", "fc.weight", "fc.bias")
        .output("logits", -1, classes)
        .bytes();
  }

  /** features [N, dim] → Gemm → Relu → Gemm → logits → Softmax → probabilities [N, classes]. */
  public static byte[] mlp(int dim, int hidden, int classes) {
    return opset(17)
        .input("features", -1, dim)
        .weight("fc1.weight", hidden, dim)
        .weight("fc1.bias", hidden)
        .weight("fc2.weight", classes, hidden)
        .weight("fc2.bias", classes)
        .node("Gemm", "h", Map.of("transB", 1), "features", "fc1.weight", "fc1.bias")
        .node("Relu", "r", "h")
        .node("Gemm", "logits", Map.of("transB", 1), "r", "fc2.weight", "fc2.bias")
        .node("Softmax", "probabilities", Map.of("axis", 1), "logits")
        .output("probabilities", -1, classes)
        .bytes();
  }

  /** x of the given shape → MatMul → Add, with the bias on the left as PyTorch writes it. */
  public static byte[] matMulAdd(int classes, long... shape) {
    int dim = (int) shape[shape.length - 1];
    long[] out = shape.clone();
    out[out.length - 1] = classes;
    return opset(17)
        .input("x", shape)
        .weight("w", dim, classes)
        .weight("b", classes)
        .node("MatMul", "m", "x", "w")
        .node("Add", "logits", "b", "m")
        .output("logits", out)
        .bytes();
  }

  /** image [N, channels, 4, 4] → Conv 3×3 → Relu → Conv 1×1 → logits [N, classes, 4, 4]. */
  public static byte[] conv1x1(int channels, int hidden, int classes) {
    return opset(17)
        .input("image", -1, channels, 4, 4)
        .weight("conv.weight", hidden, channels, 3, 3)
        .weight("conv.bias", hidden)
        .weight("head.weight", classes, hidden, 1, 1)
        .weight("head.bias", classes)
        .node(
            "Conv",
            "c",
            Map.of("pads", new long[] {1, 1, 1, 1}),
            "image",
            "conv.weight",
            "conv.bias")
        .node("Relu", "r", "c")
        .node("Conv", "logits", "r", "head.weight", "head.bias")
        .output("logits", -1, classes, 4, 4)
        .bytes();
  }

  /** features → Gemm → h → Quantize/Dequantize → Gemm with int8 weights → logits. */
  public static byte[] qdq(int dim, int classes) {
    return opset(17)
        .input("features", -1, dim)
        .weight("fc1.weight", dim, dim)
        .scalar("scale", 0.05f)
        .integers("zero", DataType.INT8, new long[0], 0)
        .integers("fc2.q", DataType.INT8, new long[] {dim, classes}, 3)
        .node("Gemm", "h", Map.of(), "features", "fc1.weight")
        .node("QuantizeLinear", "h.q", "h", "scale", "zero")
        .node("DequantizeLinear", "h.dq", "h.q", "scale", "zero")
        .node("DequantizeLinear", "fc2.weight", "fc2.q", "scale", "zero")
        .node("Gemm", "logits", Map.of(), "h.dq", "fc2.weight")
        .output("logits", -1, classes)
        .bytes();
  }

  /** A text encoder in miniature: ids and mask [N, T] → last_hidden_state [N, T, dim]. */
  public static byte[] encoder(long opset, int vocabulary, int dim) {
    return opset(opset)
        .integerInput("input_ids", -1, -1)
        .integerInput("attention_mask", -1, -1)
        .weight("embedding", vocabulary, dim)
        .node("Gather", "last_hidden_state", "embedding", "input_ids")
        .output("last_hidden_state", -1, -1, dim)
        .bytes();
  }

  /** Three layers; integers that say what is picked of the second's output cross its cut. */
  public static byte[] picking(String op) {
    return opset(17)
        .input("x", -1, 4)
        .weight("w1", 4, 4)
        .weight("w2", 4, 4)
        .weight("w3", 1, 3)
        .node("MatMul", "a", "x", "w1")
        .node(op, "h", "a")
        .node("ArgMax", "i", Map.of("axis", 1), "h")
        .node("MatMul", "b", "h", "w2")
        .node("GatherElements", "c", Map.of("axis", 1), "b", "i")
        .node("MatMul", "y", "c", "w3")
        .output("y", -1, 3)
        .bytes();
  }

  public GraphFixture input(String name, long... shape) {
    graph.addInput(value(name, DataType.FLOAT, shape));
    return this;
  }

  public GraphFixture integerInput(String name, long... shape) {
    graph.addInput(value(name, DataType.INT64, shape));
    return this;
  }

  public GraphFixture output(String name, long... shape) {
    graph.addOutput(value(name, DataType.FLOAT, shape));
    return this;
  }

  public GraphFixture integerOutput(String name, long... shape) {
    graph.addOutput(value(name, DataType.INT64, shape));
    return this;
  }

  /** Declares an inner tensor. */
  public GraphFixture declare(String name, long... shape) {
    graph.addValueInfo(value(name, DataType.FLOAT, shape));
    return this;
  }

  /** A float initializer with values from the seed. */
  public GraphFixture weight(String name, long... shape) {
    graph.addInitializer(random(shape).setName(name));
    return this;
  }

  public GraphFixture scalar(String name, float value) {
    graph.addInitializer(
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.FLOAT_VALUE)
            .addFloatData(value));
    return this;
  }

  /** An initializer of an integer type, every value the same; INT64 as such, others as int32. */
  public GraphFixture integers(String name, DataType type, long[] shape, long... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(type.getNumber());
    long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    Arrays.stream(shape).forEach(tensor::addDims);
    for (int i = 0; i < size; i++) {
      long value = values[i % values.length];
      if (type == DataType.INT64) {
        tensor.addInt64Data(value);
      } else {
        tensor.addInt32Data((int) value);
      }
    }
    graph.addInitializer(tensor);
    return this;
  }

  /** An initializer given whole. */
  public GraphFixture tensor(TensorProto tensor) {
    graph.addInitializer(tensor);
    return this;
  }

  /** A Constant node with values from the seed. */
  public GraphFixture constant(String name, long... shape) {
    AttributeProto.Builder value =
        AttributeProto.newBuilder()
            .setName("value")
            .setType(AttributeType.TENSOR)
            .setT(random(shape));
    graph.addNode(NodeProto.newBuilder().setOpType("Constant").addOutput(name).addAttribute(value));
    return this;
  }

  public GraphFixture node(String op, String output, String... inputs) {
    return node(op, output, Map.of(), inputs);
  }

  /**
   * Attribute values: Integer, Float, long[], float[], String, String[], TensorProto or GraphProto.
   */
  public GraphFixture node(
      String op, String output, Map<String, Object> attributes, String... inputs) {
    return node("", op, output, attributes, inputs);
  }

  public GraphFixture node(
      String domain, String op, String output, Map<String, Object> attributes, String... inputs) {
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setDomain(domain)
            .setOpType(op)
            .setName(op + "/" + output)
            .addAllInput(Arrays.asList(inputs))
            .addAllOutput(Arrays.asList(output.split(",")));
    attributes.forEach((name, value) -> node.addAttribute(attribute(name, value)));
    graph.addNode(node);
    return this;
  }

  /** Makes every initializer an overridable input too, as IR version 3 wants it. */
  public GraphFixture initializersAsInputs() {
    for (TensorProto tensor : graph.getInitializerList()) {
      long[] shape = tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
      graph.addInput(value(tensor.getName(), DataType.forNumber(tensor.getDataType()), shape));
    }
    return this;
  }

  public GraphFixture importing(String domain, long version) {
    model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(version));
    return this;
  }

  public GraphFixture function(FunctionProto function) {
    model.addFunctions(function);
    return this;
  }

  public GraphFixture metadata(String key, String value) {
    model.addMetadataPropsBuilder().setKey(key).setValue(value);
    return this;
  }

  /** The graph alone: the body of an If or a Loop. */
  public GraphProto graph() {
    return graph.build();
  }

  public ModelProto model() {
    return model.setGraph(graph).build();
  }

  public byte[] bytes() {
    return model().toByteArray();
  }

  private TensorProto.Builder random(long... shape) {
    TensorProto.Builder tensor = TensorProto.newBuilder().setDataType(DataType.FLOAT_VALUE);
    Arrays.stream(shape).forEach(tensor::addDims);
    long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    for (int i = 0; i < size; i++) {
      tensor.addFloatData((float) random.nextGaussian());
    }
    return tensor;
  }

  private static ValueInfoProto value(String name, DataType type, long... shape) {
    TensorShapeProto.Builder dims = TensorShapeProto.newBuilder();
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] < 0) {
        dims.addDimBuilder().setDimParam("d" + i);
      } else {
        dims.addDimBuilder().setDimValue(shape[i]);
      }
    }
    TypeProto.Tensor tensor =
        TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(dims).build();
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  private static AttributeProto attribute(String name, Object value) {
    AttributeProto.Builder attribute = AttributeProto.newBuilder().setName(name);
    if (value instanceof Integer number) {
      attribute.setType(AttributeType.INT).setI(number);
    } else if (value instanceof Float number) {
      attribute.setType(AttributeType.FLOAT).setF(number);
    } else if (value instanceof long[] numbers) {
      attribute.setType(AttributeType.INTS);
      Arrays.stream(numbers).forEach(attribute::addInts);
    } else if (value instanceof float[] numbers) {
      attribute.setType(AttributeType.FLOATS);
      for (float number : numbers) {
        attribute.addFloats(number);
      }
    } else if (value instanceof String text) {
      attribute.setType(AttributeType.STRING).setS(ByteString.copyFromUtf8(text));
    } else if (value instanceof String[] texts) {
      attribute.setType(AttributeType.STRINGS);
      Stream.of(texts).map(ByteString::copyFromUtf8).forEach(attribute::addStrings);
    } else if (value instanceof TensorProto tensor) {
      attribute.setType(AttributeType.TENSOR).setT(tensor);
    } else if (value instanceof GraphProto body) {
      attribute.setType(AttributeType.GRAPH).setG(body);
    } else {
      throw new IllegalArgumentException("no attribute for " + value);
    }
    return attribute.build();
  }
}

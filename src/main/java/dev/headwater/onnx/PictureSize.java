package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto.Dimension;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.headwater.onnx.graph.Constant;
import dev.headwater.onnx.graph.Graph;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Changes the input size of a graph. Convolutions, pooling and operators on single positions accept
 * any image size; operators with a fixed number of positions do not.
 */
final class PictureSize {
  /** Operators that accept maps of any size. */
  private static final Set<String> SIZE_INDEPENDENT =
      words(
          "Abs AveragePool BatchNormalization Cast Celu Ceil Clip Concat Conv ConvTranspose"
              + " DepthToSpace Dropout Elu Erf Exp Flatten Floor Gelu GlobalAveragePool"
              + " GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN LeakyRelu"
              + " Log LogSoftmax LpNormalization LpPool MaxPool Mish Neg Pad Reciprocal ReduceMax ReduceMean"
              + " ReduceMin ReduceSum Relu Round Selu Shape Sigmoid Size Softmax Softplus SpaceToDepth"
              + " Sqrt Squeeze Tanh Transpose Unsqueeze");

  /** Operators whose operands are broadcast: axes must have equal sizes or size 1. */
  private static final Set<String> BROADCAST =
      words("Add Sub Mul Div Pow PRelu Max Min Sum Mean LayerNormalization RMSNormalization");

  private final Graph before;
  private final Graph after;
  private final Set<String> data;

  private PictureSize(Graph before, Graph after) {
    this.before = before;
    this.after = after;
    this.data = findData(after);
  }

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  /**
   * Returns the graph from its inputs to these tensors, with the new input shape and the shapes
   * that follow from it.
   *
   * @throws OnnxException if a node accepts only images of the old size; the message names it
   */
  static GraphProto of(Graph graph, String input, long[] shape, Collection<String> features)
      throws OnnxException {
    Set<String> given =
        graph.inputs().stream().map(ValueInfoProto::getName).collect(Collectors.toSet());
    GraphProto.Builder part = graph.slice(given, features).clearValueInfo();
    graph.inputs().stream()
        .map(value -> value.getName().equals(input) ? withShape(value, shape) : value)
        .forEach(part::addInput);
    Graph resized = new Graph(part.build());
    new PictureSize(graph, resized).check();
    features.forEach(feature -> part.addOutput(Declared.asIs(resized, feature)));
    return part.build();
  }

  /**
   * Returns the whole graph with the new input shape and the shapes that follow from it. Nodes need
   * no check, because the input size was dynamic.
   */
  static GraphProto declared(Graph graph, String input, long[] shape) {
    GraphProto.Builder result =
        graph.proto().toBuilder().clearValueInfo().clearInput().clearOutput();
    graph.proto().getValueInfoList().stream()
        .filter(PictureSize::isFixed)
        .forEach(result::addValueInfo);
    graph.proto().getInputList().stream()
        .map(value -> value.getName().equals(input) ? withShape(value, shape) : value)
        .forEach(result::addInput);
    Graph sized = new Graph(result.build());
    for (ValueInfoProto output : graph.proto().getOutputList()) {
      Optional<long[]> known = sized.shapes().shape(output.getName());
      DataType type = DataType.forNumber(output.getType().getTensorType().getElemType());
      result.addOutput(
          known.isPresent() && type != null && type != DataType.UNDEFINED
              ? Declared.value(output.getName(), type, known)
              : output);
    }
    return result.build();
  }

  /** Returns whether the value info holds for every input size. */
  private static boolean isFixed(ValueInfoProto value) {
    return value.getType().getTensorType().hasShape()
        && value.getType().getTensorType().getShape().getDimList().stream()
            .skip(1)
            .allMatch(Dimension::hasDimValue);
  }

  /** Declares only the dimensions that change, so that the others keep their names. */
  private static ValueInfoProto withShape(ValueInfoProto input, long[] shape) {
    ValueInfoProto.Builder result = input.toBuilder();
    var dims = result.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] > 0) {
        dims.setDim(i, Dimension.newBuilder().setDimValue(shape[i]));
      }
    }
    return result.build();
  }

  /** Returns the tensors that depend on input values, not only on input sizes. */
  private static Set<String> findData(Graph graph) {
    Set<Integer> nodes = new TreeSet<>();
    Set<String> data = graph.inputs().stream().map(i -> i.getName()).collect(Collectors.toSet());
    for (int i = 0; i < graph.proto().getNodeCount(); i++) {
      NodeProto node = graph.node(i);
      boolean readsSize = Set.of("Shape", "Size").contains(node.getOpType());
      if (!readsSize && Graph.uses(node).stream().anyMatch(data::contains)) {
        nodes.add(i);
        data.addAll(node.getOutputList());
      }
    }
    return data;
  }

  private void check() throws OnnxException {
    for (NodeProto node : after.proto().getNodeList()) {
      boolean carriesData = node.getOutputList().stream().anyMatch(data::contains);
      if (carriesData
          && !SIZE_INDEPENDENT.contains(node.getOpType())
          && !accepts(node)
          && !isUnchanged(node)) {
        throw new OnnxException(
            "The backbone does not accept another image size: the %s node with output `%s` was exported for %s. Use the image size the model was exported for, or cut before this node."
                .formatted(node.getOpType(), node.getOutput(0), exportedShape(node)));
      }
    }
  }

  private String exportedShape(NodeProto node) {
    return before
        .shapes()
        .shape(node.getInput(0))
        .map(shape -> "input shape " + Arrays.toString(shape).replace("-1", "?"))
        .orElse("a fixed input size");
  }

  /** Assumes that sizes computed in the graph follow the image size, unlike stored ones. */
  private boolean accepts(NodeProto node) {
    return switch (node.getOpType()) {
      case "Gemm", "MatMul" -> acceptsProduct(node);
      case "Reshape" -> acceptsReshape(node);
      case "Resize", "Upsample" -> node.getInputCount() < 4 || !after.constant(node.getInput(3));
      default -> BROADCAST.contains(node.getOpType()) && acceptsBroadcast(node);
    };
  }

  private boolean acceptsProduct(NodeProto node) {
    long[] x = shape(node.getInput(0));
    long[] weight = shape(node.getInput(1));
    boolean transposed = Graph.integer(node, "transB", 0) != 0;
    return x.length > 0 && weight.length == 2 && x[x.length - 1] == weight[transposed ? 1 : 0];
  }

  /** Accepts a computed target shape, or one with as many values per record as the input. */
  private boolean acceptsReshape(NodeProto node) {
    long[] to = Constant.integers(after, node.getInput(1)).orElse(null);
    if (to == null) {
      return !after.constant(node.getInput(1));
    }
    long values = valuesPerRecord(shape(node.getInput(0)));
    boolean flattens = to.length == 2 && to[1] == -1;
    return to.length > 0
        && to[0] < 1
        && (flattens ? to[0] == 0 : values > 0 && valuesPerRecord(to) == values);
  }

  /** Returns the number of values per record; -1 if unknown. */
  private static long valuesPerRecord(long[] shape) {
    return Arrays.stream(shape).skip(1).reduce(1, (a, b) -> a < 1 || b < 1 ? -1 : a * b);
  }

  private boolean acceptsBroadcast(NodeProto node) {
    long[] x = shape(node.getInput(0));
    for (String other : node.getInputList()) {
      long[] y = shape(other);
      for (int back = 1; back <= Math.min(x.length, y.length); back++) {
        long a = x[x.length - back];
        long b = y[y.length - back];
        if (a != b && a != 1 && b != 1) {
          return false;
        }
      }
    }
    return true;
  }

  /** Returns whether no input shape changes, for example after global pooling. */
  private boolean isUnchanged(NodeProto node) {
    List<String> inputs = Graph.uses(node).stream().filter(data::contains).toList();
    return inputs.stream()
        .allMatch(
            input ->
                Arrays.equals(shape(input), before.shapes().shape(input).orElse(new long[0]))
                    && Arrays.stream(shape(input)).skip(1).allMatch(dim -> dim > 0)
                    && shape(input).length > 0);
  }

  private long[] shape(String tensor) {
    return after.shapes().shape(tensor).orElse(new long[0]);
  }
}

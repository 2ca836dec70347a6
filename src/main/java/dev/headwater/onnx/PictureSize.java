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
 * The part of a network that takes pictures of another size than it was exported for. Convolutions
 * and pooling do, and what works place by place; what was made for so many places does not.
 */
final class PictureSize {
  /** What takes a map of any size. */
  private static final Set<String> FREE =
      words(
          "Abs AveragePool BatchNormalization Cast Celu Ceil Clip Concat Conv ConvTranspose"
              + " DepthToSpace Dropout Elu Erf Exp Flatten Floor Gelu GlobalAveragePool"
              + " GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LRN LeakyRelu"
              + " Log LogSoftmax LpNormalization LpPool MaxPool Mish Neg Pad Reciprocal ReduceMax ReduceMean"
              + " ReduceMin ReduceSum Relu Round Selu Shape Sigmoid Size Softmax Softplus SpaceToDepth"
              + " Sqrt Squeeze Tanh Transpose Unsqueeze");

  /** Whose operands have to have as many elements on an axis, or one. */
  private static final Set<String> BROADCAST =
      words("Add Sub Mul Div Pow PRelu Max Min Sum Mean LayerNormalization RMSNormalization");

  private final Graph before;
  private final Graph after;
  private final Set<String> data;

  private PictureSize(Graph before, Graph after) {
    this.before = before;
    this.after = after;
    this.data = data(after);
  }

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  /**
   * The graph from its inputs to these tensors, with this input declared anew and every shape that
   * follows from it.
   *
   * @throws OnnxException naming the node that takes pictures of the old size only
   */
  static GraphProto of(Graph graph, String input, long[] shape, Collection<String> features)
      throws OnnxException {
    Set<String> given =
        graph.inputs().stream().map(ValueInfoProto::getName).collect(Collectors.toSet());
    GraphProto.Builder part = graph.slice(given, features).clearValueInfo();
    graph.inputs().stream()
        .map(value -> value.getName().equals(input) ? declared(value, shape) : value)
        .forEach(part::addInput);
    Graph resized = new Graph(part.build());
    new PictureSize(graph, resized).check();
    features.forEach(feature -> part.addOutput(Declared.asIs(resized, feature)));
    return part.build();
  }

  /**
   * The whole graph, with this input declared anew and every shape that follows from it: nothing is
   * asked of the nodes, for an open size was theirs to take.
   */
  static GraphProto declared(Graph graph, String input, long[] shape) {
    GraphProto.Builder open = graph.proto().toBuilder().clearValueInfo().clearInput().clearOutput();
    graph.proto().getValueInfoList().stream()
        .filter(PictureSize::settled)
        .forEach(open::addValueInfo);
    graph.proto().getInputList().stream()
        .map(value -> value.getName().equals(input) ? declared(value, shape) : value)
        .forEach(open::addInput);
    Graph sized = new Graph(open.build());
    for (ValueInfoProto output : graph.proto().getOutputList()) {
      Optional<long[]> known = sized.shapes().shape(output.getName());
      DataType type = DataType.forNumber(output.getType().getTensorType().getElemType());
      open.addOutput(
          known.isPresent() && type != null && type != DataType.UNDEFINED
              ? Declared.value(output.getName(), type, known)
              : output);
    }
    return open.build();
  }

  /** Whether it holds for every size of the inputs. */
  private static boolean settled(ValueInfoProto value) {
    return value.getType().getTensorType().hasShape()
        && value.getType().getTensorType().getShape().getDimList().stream()
            .skip(1)
            .allMatch(Dimension::hasDimValue);
  }

  /** Only what differs, so that a dimension keeps its name. */
  private static ValueInfoProto declared(ValueInfoProto input, long[] shape) {
    ValueInfoProto.Builder declared = input.toBuilder();
    var dims = declared.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] > 0) {
        dims.setDim(i, Dimension.newBuilder().setDimValue(shape[i]));
      }
    }
    return declared.build();
  }

  /** What comes from the input other than by measuring its size. */
  private static Set<String> data(Graph graph) {
    Set<Integer> nodes = new TreeSet<>();
    Set<String> data = graph.inputs().stream().map(i -> i.getName()).collect(Collectors.toSet());
    for (int i = 0; i < graph.proto().getNodeCount(); i++) {
      NodeProto node = graph.node(i);
      boolean measures = Set.of("Shape", "Size").contains(node.getOpType());
      if (!measures && Graph.uses(node).stream().anyMatch(data::contains)) {
        nodes.add(i);
        data.addAll(node.getOutputList());
      }
    }
    return data;
  }

  private void check() throws OnnxException {
    for (NodeProto node : after.proto().getNodeList()) {
      boolean carries = node.getOutputList().stream().anyMatch(data::contains);
      if (carries && !FREE.contains(node.getOpType()) && !fits(node) && !unchanged(node)) {
        throw new OnnxException(
            "The backbone does not take pictures of another size: %s, which makes `%s`, was made for %s. Give the size the network was exported for, or cut before it."
                .formatted(node.getOpType(), node.getOutput(0), said(node)));
      }
    }
  }

  private String said(NodeProto node) {
    return before
        .shapes()
        .shape(node.getInput(0))
        .map(shape -> Arrays.toString(shape).replace("-1", "?"))
        .orElse("one size");
  }

  /** Sizes that the graph computes are taken to follow the picture's; stored ones do not. */
  private boolean fits(NodeProto node) {
    return switch (node.getOpType()) {
      case "Gemm", "MatMul" -> multiplies(node);
      case "Reshape" -> reshapes(node);
      case "Resize", "Upsample" -> node.getInputCount() < 4 || !after.constant(node.getInput(3));
      default -> BROADCAST.contains(node.getOpType()) && broadcasts(node);
    };
  }

  private boolean multiplies(NodeProto node) {
    long[] x = shape(node.getInput(0));
    long[] weight = shape(node.getInput(1));
    boolean transposed = Graph.integer(node, "transB", 0) != 0;
    return x.length > 0 && weight.length == 2 && x[x.length - 1] == weight[transposed ? 1 : 0];
  }

  /** To sizes that the graph computes; else to as many values a record as there are. */
  private boolean reshapes(NodeProto node) {
    long[] to = Constant.integers(after, node.getInput(1)).orElse(null);
    if (to == null) {
      return !after.constant(node.getInput(1));
    }
    long values = values(shape(node.getInput(0)));
    boolean flattens = to.length == 2 && to[1] == -1;
    return to.length > 0
        && to[0] < 1
        && (flattens ? to[0] == 0 : values > 0 && values(to) == values);
  }

  /** Of one record; -1 where that is not known. */
  private static long values(long[] shape) {
    return Arrays.stream(shape).skip(1).reduce(1, (a, b) -> a < 1 || b < 1 ? -1 : a * b);
  }

  private boolean broadcasts(NodeProto node) {
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

  /** After pooling over all places, say. */
  private boolean unchanged(NodeProto node) {
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

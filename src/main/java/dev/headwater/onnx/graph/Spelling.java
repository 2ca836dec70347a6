package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Rewrites two operators of the main graph into a canonical form.
 *
 * <p>A Squeeze without axes gets explicit ones: PyTorch's squeeze() would also drop the batch axis
 * of a batch of one record. A last layer that is an Einsum of rows with a constant matrix becomes a
 * MatMul, which can be a linear head.
 */
public final class Spelling {
  private static final Set<String> OPERATORS = Set.of("Squeeze", "Einsum");
  private static final int AXES_AS_INPUT = 13;

  private static final Pattern ROWS =
      Pattern.compile("((?:[.]{3})?)([A-Za-z]*)([A-Za-z]),([A-Za-z]{2})->\\1\\2([A-Za-z])");

  private final Graph graph;
  private final GraphProto.Builder result;
  private final Set<Integer> layers;
  private final boolean axesAsInput;

  /** Ignores value info: exporters may record the sizes of the example input there. */
  private Spelling(ModelProto model) {
    graph = new Graph(model.getGraph().toBuilder().clearValueInfo().build());
    result = model.getGraph().toBuilder().clearNode();
    layers = Layers.of(graph).stream().map(Layer::position).collect(Collectors.toSet());
    axesAsInput = Checks.opset(model) >= AXES_AS_INPUT;
  }

  /**
   * Returns the model with its main graph in canonical form.
   *
   * @param model a model without {@link Checks#problems problems}
   */
  public static ModelProto plain(ModelProto model) {
    List<NodeProto> nodes = model.getGraph().getNodeList();
    if (nodes.stream().noneMatch(node -> OPERATORS.contains(node.getOpType()))) {
      return model;
    }
    Spelling rewriter = new Spelling(model);
    for (int position = 0; position < nodes.size(); position++) {
      rewriter.result.addNode(rewriter.rewrite(position));
    }
    return model.toBuilder().setGraph(rewriter.result).build();
  }

  private NodeProto rewrite(int position) {
    NodeProto node = graph.node(position);
    return !Graph.standard(node)
        ? node
        : switch (node.getOpType()) {
          case "Squeeze" -> Inference.dropsAll(graph, node) ? rewriteSqueeze(node) : node;
          case "Einsum" -> isLastLayer(position) ? rewriteEinsum(node) : node;
          default -> node;
        };
  }

  private NodeProto rewriteEinsum(NodeProto node) {
    String equation =
        Graph.attribute(node, "equation").map(a -> a.getS().toStringUtf8()).orElse("");
    Matcher parts = ROWS.matcher(equation.replace(" ", ""));
    if (node.getInputCount() != 2 || !parts.matches()) {
      return node;
    }
    String names = parts.group(2) + parts.group(3) + parts.group(5);
    boolean transposed = parts.group(4).equals(parts.group(5) + parts.group(3));
    boolean straight = parts.group(4).equals(parts.group(3) + parts.group(5));
    if (names.chars().distinct().count() != names.length() || !(transposed || straight)) {
      return node;
    }
    NodeProto.Builder product = node.toBuilder().setOpType("MatMul").clearAttribute();
    if (transposed) {
      String columns = graph.unused(node.getOutput(0) + ".weight");
      product.setInput(1, columns);
      result.addNodeBuilder().setOpType("Transpose").addInput(node.getInput(1)).addOutput(columns);
    }
    return product.build();
  }

  private boolean isLastLayer(int position) {
    Set<Integer> after = graph.withDescendants(List.of(position));
    after.retainAll(layers);
    return after.equals(Set.of(position));
  }

  private NodeProto rewriteSqueeze(NodeProto node) {
    String data = node.getInput(0);
    long[] shape = graph.shapes().shape(data).orElse(new long[0]);
    long[] times = graph.shapes().times(data).orElse(new long[0]);
    IntPredicate known = axis -> shape[axis] >= 0 || times[axis] > 0;
    if (times.length == 0 || !IntStream.range(0, shape.length).allMatch(known)) {
      return node;
    }
    long[] axes =
        IntStream.range(0, shape.length).filter(i -> shape[i] == 1).asLongStream().toArray();
    NodeProto.Builder squeeze = node.toBuilder().clearAttribute().clearInput().addInput(data);
    if (axes.length == 0) { // an empty list would mean all axes again
      return squeeze.setOpType("Identity").build();
    }
    if (axesAsInput) {
      String name = graph.unused(node.getOutput(0) + ".axes");
      long[] length = {axes.length};
      result.addInitializer(Numbers.tensor(name, length, axes, DataType.INT64));
      return squeeze.addInput(name).build();
    }
    AttributeProto.Builder list = squeeze.addAttributeBuilder().setName("axes");
    Arrays.stream(axes).forEach(list.setType(AttributeType.INTS)::addInts);
    return squeeze.build();
  }
}

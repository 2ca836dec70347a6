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
 * Has each Squeeze of the main graph that drops whatever is of size 1 name its axes: PyTorch's
 * squeeze() would drop the one of the records as well, where there is one record. And has an Einsum
 * of rows with a matrix that is stored, where it is the last layer, be the MatMul it is: that can
 * be a linear head.
 */
public final class Spelling {
  private static final Set<String> OPERATORS = Set.of("Squeeze", "Einsum");
  private static final int AXES_AS_INPUT = 13;

  private static final Pattern ROWS =
      Pattern.compile("((?:[.]{3})?)([A-Za-z]*)([A-Za-z]),([A-Za-z]{2})->\\1\\2([A-Za-z])");

  private final Graph graph;
  private final GraphProto.Builder spelt;
  private final Set<Integer> layers;
  private final boolean asInput;

  /** Inner tensors' declared sizes are those of the example exported with: not relied upon. */
  private Spelling(ModelProto model) {
    graph = new Graph(model.getGraph().toBuilder().clearValueInfo().build());
    spelt = model.getGraph().toBuilder().clearNode();
    layers = Layers.of(graph).stream().map(Layer::position).collect(Collectors.toSet());
    asInput = Checks.opset(model) >= AXES_AS_INPUT;
  }

  /**
   * The model with its main graph spelt out.
   *
   * @param model without problems
   */
  public static ModelProto plain(ModelProto model) {
    List<NodeProto> nodes = model.getGraph().getNodeList();
    if (nodes.stream().noneMatch(node -> OPERATORS.contains(node.getOpType()))) {
      return model;
    }
    Spelling spelling = new Spelling(model);
    for (int position = 0; position < nodes.size(); position++) {
      spelling.spelt.addNode(spelling.spelt(position));
    }
    return model.toBuilder().setGraph(spelling.spelt).build();
  }

  private NodeProto spelt(int position) {
    NodeProto node = graph.node(position);
    return !Graph.standard(node)
        ? node
        : switch (node.getOpType()) {
          case "Squeeze" -> Inference.dropsAll(graph, node) ? squeeze(node) : node;
          case "Einsum" -> last(position) ? einsum(node) : node;
          default -> node;
        };
  }

  private NodeProto einsum(NodeProto node) {
    String equation =
        Graph.attribute(node, "equation").map(a -> a.getS().toStringUtf8()).orElse("");
    Matcher parts = ROWS.matcher(equation.replace(" ", ""));
    if (node.getInputCount() != 2 || !parts.matches()) {
      return node;
    }
    String names = parts.group(2) + parts.group(3) + parts.group(5);
    boolean turned = parts.group(4).equals(parts.group(5) + parts.group(3));
    boolean straight = parts.group(4).equals(parts.group(3) + parts.group(5));
    if (names.chars().distinct().count() != names.length() || !(turned || straight)) {
      return node;
    }
    NodeProto.Builder product = node.toBuilder().setOpType("MatMul").clearAttribute();
    if (turned) {
      String columns = graph.unused(node.getOutput(0) + ".weight");
      product.setInput(1, columns);
      spelt.addNodeBuilder().setOpType("Transpose").addInput(node.getInput(1)).addOutput(columns);
    }
    return product.build();
  }

  private boolean last(int position) {
    Set<Integer> after = graph.withDescendants(List.of(position));
    after.retainAll(layers);
    return after.equals(Set.of(position));
  }

  private NodeProto squeeze(NodeProto node) {
    String data = node.getInput(0);
    long[] shape = graph.shapes().shape(data).orElse(new long[0]);
    long[] times = graph.shapes().times(data).orElse(new long[0]);
    IntPredicate known = axis -> shape[axis] >= 0 || times[axis] > 0;
    if (times.length == 0 || !IntStream.range(0, shape.length).allMatch(known)) {
      return node;
    }
    long[] axes =
        IntStream.range(0, shape.length).filter(i -> shape[i] == 1).asLongStream().toArray();
    NodeProto.Builder named = node.toBuilder().clearAttribute().clearInput().addInput(data);
    if (axes.length == 0) { // which would be all of them again
      return named.setOpType("Identity").build();
    }
    if (asInput) {
      String name = graph.unused(node.getOutput(0) + ".axes");
      long[] length = {axes.length};
      spelt.addInitializer(Numbers.tensor(name, length, axes, DataType.INT64));
      return named.addInput(name).build();
    }
    AttributeProto.Builder list = named.addAttributeBuilder().setName("axes");
    Arrays.stream(axes).forEach(list.setType(AttributeType.INTS)::addInts);
    return named.build();
  }
}

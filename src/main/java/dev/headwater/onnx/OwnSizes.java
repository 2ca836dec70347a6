package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.graph.Functions;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Layers;
import dev.headwater.onnx.graph.Numbers;
import dev.headwater.onnx.graph.Shapes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Rewrites a graph so that only features with a leading batch axis cross the cut. The head stores
 * fixed sizes as constants, computes the others from the batch size of a feature, and transposes
 * features whose batch axis was not the first.
 */
final class OwnSizes {
  private final Graph graph;
  private final Cut cut;
  private final Set<Integer> shared;
  private final Set<NodeProto> inHead = Collections.newSetFromMap(new IdentityHashMap<>());
  private final GraphProto.Builder result;
  private final List<NodeProto> added = new ArrayList<>();
  private final Map<String, String> names = new HashMap<>();

  /** A feature with a leading batch axis, from which the head reads the batch size. */
  private Optional<String> batchSource;

  private OwnSizes(Graph graph, Cut cut) {
    this.graph = graph;
    this.cut = cut;
    this.result = graph.proto().toBuilder();
    shared = graph.needed(Set.of(), cut.features());
    shared.retainAll(cut.head());
    batchSource =
        cut.features().stream()
            .filter(f -> Sizes.FLOATS.contains(Declared.type(graph, f)) && Sizes.counts(graph, f))
            .findFirst();
  }

  /** Returns the rewritten graph and its cut, or the same graph if nothing needs rewriting. */
  static Sizes.Own of(Graph graph, Cut cut) throws OnnxException {
    OwnSizes sizes = new OwnSizes(graph, cut);
    cut.features().forEach(sizes::moveBatchFirst);
    cut.features().forEach(sizes::replaceSize);
    return sizes.build();
  }

  private Sizes.Own build() throws OnnxException {
    if (names.isEmpty()) {
      return new Sizes.Own(graph, cut);
    }
    List<NodeProto> nodes = orderedNodes();
    Graph rewritten = new Graph(result.clearNode().addAllNode(nodes).build());
    Set<Integer> headNodes =
        IntStream.range(0, nodes.size())
            .filter(position -> inHead.contains(nodes.get(position)))
            .boxed()
            .collect(Collectors.toCollection(TreeSet::new));
    return new Sizes.Own(rewritten, Cut.of(rewritten, Layers.of(rewritten), headNodes, "there"));
  }

  /** Transposes a feature with another batch axis before the cut, and back after it. */
  private void moveBatchFirst(String feature) {
    long[] times = graph.shapes().times(feature).orElse(new long[0]);
    int[] counting = IntStream.range(0, times.length).filter(i -> times[i] != 0).toArray();
    boolean one = counting.length == 1 && counting[0] > 0 && times[counting[0]] == 1;
    if (one && Sizes.FLOATS.contains(Declared.type(graph, feature))) {
      String first = graph.unused(feature + ".by.record");
      node(rotation(times.length, counting[0], 1), first, feature);
      node(rotation(times.length, counting[0], -1), rename(feature), first);
      batchSource = batchSource.or(() -> Optional.of(first));
    }
  }

  /** Creates a Transpose that rotates the axes from 0 to {@code last}. */
  private static NodeProto.Builder rotation(int rank, int last, int distance) {
    List<Long> order = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
    Collections.rotate(order.subList(0, last + 1), distance);
    AttributeProto.Builder perm = AttributeProto.newBuilder().setName("perm");
    return op("Transpose").addAttribute(perm.setType(AttributeType.INTS).addAllInts(order));
  }

  private void replaceSize(String feature) {
    Optional<Shapes.Size> size = Sizes.size(graph, feature);
    if (size.isPresent() && size.get().fixed()) {
      store(rename(feature), Declared.type(graph, feature), size.get().shape(), size.get().plus());
    } else if (size.isPresent() && batchSource.isPresent()) {
      compute(rename(feature), Declared.type(graph, feature), size.get(), batchSource.get());
    }
  }

  private String rename(String tensor) {
    return names.computeIfAbsent(tensor, t -> graph.unused(t + ".in.head"));
  }

  /** Adds nodes that compute times · N + plus; all operands have at least one axis, as N has. */
  private void compute(String name, DataType type, Shapes.Size size, String feature) {
    long[] flat = {size.times().length};
    String times = store(name + ".times", DataType.INT64, flat, size.times());
    String plus = store(name + ".plus", DataType.INT64, flat, size.plus());
    String sizes = node(op("Shape"), name + ".sizes", feature);
    String first = node(op("Gather"), name + ".records", sizes, storeList(name + ".first", 0));
    String product = node(op("Mul"), name + ".product", first, times);
    String sum = node(op("Add"), name + ".sum", product, plus);
    String shape = storeList(name + ".shape", size.shape());
    AttributeProto.Builder to = AttributeProto.newBuilder().setName("to");
    node(
        op("Cast").addAttribute(to.setType(AttributeType.INT).setI(type.getNumber())),
        name,
        node(op("Reshape"), name + ".shaped", sum, shape));
  }

  private static NodeProto.Builder op(String type) {
    return NodeProto.newBuilder().setOpType(type);
  }

  private String node(NodeProto.Builder node, String output, String... inputs) {
    added.add(node.addAllInput(Arrays.asList(inputs)).addOutput(output).build());
    return output;
  }

  private String storeList(String name, long... values) {
    return store(name, DataType.INT64, new long[] {values.length}, values);
  }

  private String store(String name, DataType type, long[] shape, long[] values) {
    result.addInitializer(Numbers.tensor(name, shape, values, type));
    return name;
  }

  private NodeProto markHead(NodeProto node) {
    inHead.add(node);
    return node;
  }

  /** Returns the nodes in topological order, otherwise in the order of the file. */
  private List<NodeProto> orderedNodes() {
    shared.stream()
        .flatMap(position -> graph.node(position).getOutputList().stream())
        .forEach(this::rename);
    List<NodeProto> nodes = new ArrayList<>(added);
    shared.forEach(position -> nodes.add(markHead(Functions.renamed(graph.node(position), names))));
    for (int position = 0; position < graph.proto().getNodeCount(); position++) {
      NodeProto node = graph.node(position);
      boolean onlyHead = cut.head().contains(position) && !shared.contains(position);
      nodes.add(onlyHead ? markHead(Functions.renamed(node, names)) : node);
    }
    return Graph.ordered(nodes);
  }
}

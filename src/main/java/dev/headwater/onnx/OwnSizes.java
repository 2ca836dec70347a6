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
 * A network whose head has the sizes that crossed its cut as numbers, or computes them from how
 * many records there are of a feature, and turns what comes to it record by record to what crossed
 * the cut otherwise.
 */
final class OwnSizes {
  private final Graph graph;
  private final Cut cut;
  private final Set<Integer> shared;
  private final Set<NodeProto> inHead = Collections.newSetFromMap(new IdentityHashMap<>());
  private final GraphProto.Builder whole;
  private final List<NodeProto> made = new ArrayList<>();
  private final Map<String, String> names = new HashMap<>();

  /** What comes record by record. */
  private Optional<String> measured;

  private OwnSizes(Graph graph, Cut cut) {
    this.graph = graph;
    this.cut = cut;
    this.whole = graph.proto().toBuilder();
    shared = graph.needed(Set.of(), cut.features());
    shared.retainAll(cut.head());
    measured =
        cut.features().stream()
            .filter(f -> Sizes.FLOATS.contains(Declared.type(graph, f)) && Sizes.counts(graph, f))
            .findFirst();
  }

  /**
   * The same network, and where it is cut then; the very graph where nothing of the kind crosses
   * it.
   */
  static Sizes.Own of(Graph graph, Cut cut) throws OnnxException {
    OwnSizes sizes = new OwnSizes(graph, cut);
    cut.features().forEach(sizes::turn);
    cut.features().forEach(sizes::measure);
    return sizes.own();
  }

  private Sizes.Own own() throws OnnxException {
    if (names.isEmpty()) {
      return new Sizes.Own(graph, cut);
    }
    List<NodeProto> nodes = ordered();
    Graph own = new Graph(whole.clearNode().addAllNode(nodes).build());
    Set<Integer> inside =
        IntStream.range(0, nodes.size())
            .filter(position -> inHead.contains(nodes.get(position)))
            .boxed()
            .collect(Collectors.toCollection(TreeSet::new));
    return new Sizes.Own(own, Cut.of(own, Layers.of(own), inside, "there"));
  }

  /**
   * What has its records on one axis, and not the first, crosses the cut with that one first, and
   * is turned back behind it.
   */
  private void turn(String feature) {
    long[] times = graph.shapes().times(feature).orElse(new long[0]);
    int[] counting = IntStream.range(0, times.length).filter(i -> times[i] != 0).toArray();
    boolean one = counting.length == 1 && counting[0] > 0 && times[counting[0]] == 1;
    if (one && Sizes.FLOATS.contains(Declared.type(graph, feature))) {
      String first = graph.unused(feature + ".by.record");
      node(turned(times.length, counting[0], 1), first, feature);
      node(turned(times.length, counting[0], -1), rename(feature), first);
      measured = measured.or(() -> Optional.of(first));
    }
  }

  /** Of so many axes those up to one take each other's places in turn. */
  private static NodeProto.Builder turned(int rank, int last, int by) {
    List<Long> order = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
    Collections.rotate(order.subList(0, last + 1), by);
    AttributeProto.Builder perm = AttributeProto.newBuilder().setName("perm");
    return op("Transpose").addAttribute(perm.setType(AttributeType.INTS).addAllInts(order));
  }

  private void measure(String feature) {
    Optional<Shapes.Size> size = Sizes.size(graph, feature);
    if (size.isPresent() && size.get().fixed()) {
      store(rename(feature), Declared.type(graph, feature), size.get().shape(), size.get().plus());
    } else if (size.isPresent() && measured.isPresent()) {
      compute(rename(feature), Declared.type(graph, feature), size.get(), measured.get());
    }
  }

  private String rename(String tensor) {
    return names.computeIfAbsent(tensor, t -> graph.unused(t + ".in.head"));
  }

  /** times · N + plus, of one axis at least so that N has one as well. */
  private void compute(String name, DataType type, Shapes.Size size, String measured) {
    long[] flat = {size.times().length};
    String times = store(name + ".times", DataType.INT64, flat, size.times());
    String plus = store(name + ".plus", DataType.INT64, flat, size.plus());
    String sizes = node(op("Shape"), name + ".sizes", measured);
    String first = node(op("Gather"), name + ".records", sizes, list(name + ".first", 0));
    String product = node(op("Mul"), name + ".product", first, times);
    String sum = node(op("Add"), name + ".sum", product, plus);
    String shape = list(name + ".shape", size.shape());
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
    made.add(node.addAllInput(Arrays.asList(inputs)).addOutput(output).build());
    return output;
  }

  private String list(String name, long... values) {
    return store(name, DataType.INT64, new long[] {values.length}, values);
  }

  private String store(String name, DataType type, long[] shape, long[] values) {
    whole.addInitializer(Numbers.tensor(name, shape, values, type));
    return name;
  }

  private NodeProto inHead(NodeProto node) {
    inHead.add(node);
    return node;
  }

  /** Every node after those that make what it uses, else in the order of the file. */
  private List<NodeProto> ordered() {
    shared.stream().flatMap(at -> graph.node(at).getOutputList().stream()).forEach(this::rename);
    List<NodeProto> nodes = new ArrayList<>(made);
    shared.forEach(at -> nodes.add(inHead(Functions.renamed(graph.node(at), names))));
    for (int position = 0; position < graph.proto().getNodeCount(); position++) {
      NodeProto node = graph.node(position);
      boolean own = cut.head().contains(position) && !shared.contains(position);
      nodes.add(own ? inHead(Functions.renamed(node, names)) : node);
    }
    return Graph.ordered(nodes);
  }
}

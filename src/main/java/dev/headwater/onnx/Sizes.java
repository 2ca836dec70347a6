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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Sizes that exporters compute as the network runs (Shape, Gather, Concat, ...) belong to a batch,
 * not to a record, and so cannot cross a cut. The head computes them for itself: where they follow
 * from what crosses it anyway, as the network does; where they are numbers, or so many times the
 * number of records, from that of its features.
 */
final class Sizes {
  /** What arranges the values of a tensor anew, and does nothing else. */
  private static final Set<String> ARRANGES =
      Set.of("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity");

  /** What makes integers or truths of each value by itself. */
  private static final Set<String> CONVERTS =
      Set.of(
          ("Cast Equal Less LessOrEqual Greater GreaterOrEqual And Or Not Xor Unsqueeze Squeeze"
                  + " Reshape Transpose Expand Identity")
              .split(" "));

  /** What may cross a cut. */
  static final Set<DataType> FLOATS = Set.of(DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16);

  private static final Set<DataType> INTEGERS = Set.of(DataType.INT64, DataType.INT32);

  private Sizes() {}

  /**
   * The head with the nodes that compute the sizes it uses, and those that make of floats that come
   * record by record what crosses the cut in another way.
   */
  static Set<Integer> with(Graph graph, Set<Integer> head) {
    Set<Integer> whole = new TreeSet<>(head);
    while (grown(graph, whole, false) || grown(graph, whole, true)) {
      // what has come in may have brought sizes, or tensors to measure
    }
    return whole;
  }

  /** Whether something was added, and so may be again. */
  private static boolean grown(Graph graph, Set<Integer> head, boolean told) {
    List<String> crossing = Cut.crossing(graph, head);
    Set<String> known = new HashSet<>(crossing);
    head.forEach(position -> known.addAll(graph.node(position).getOutputList()));
    boolean grown = false;
    for (String tensor : crossing) {
      grown |= head.addAll(makers(graph, tensor, known, told));
      grown |= carried(graph, tensor) && head.add(graph.producerPosition(tensor));
    }
    return grown;
  }

  /** Whether it is not so many floats a record, but was made in the plainest way of what may be. */
  private static boolean carried(Graph graph, String tensor) {
    String op = graph.producer(tensor).map(NodeProto::getOpType).orElse("");
    return (ARRANGES.contains(op) && !byRecord(graph, tensor))
        || (CONVERTS.contains(op) && !FLOATS.contains(type(graph, tensor)));
  }

  /** False only where it is known that its first axis has not one place a record. */
  static boolean byRecord(Graph graph, String tensor) {
    return graph.shapes().times(tensor).filter(times -> times[0] != 1).isEmpty();
  }

  /**
   * The nodes between the tensor and the shapes of known tensors; none where there is more to it.
   *
   * @param told whether sizes that are numbers, or so many times that of records, will do as well
   */
  private static Set<Integer> makers(Graph graph, String tensor, Set<String> known, boolean told) {
    Set<Integer> makers = new TreeSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(tensor));
    while (!open.isEmpty()) {
      String at = open.pop();
      if (graph.constant(at) || (told && size(graph, at).isPresent())) {
        continue;
      }
      int position = graph.producerPosition(at);
      if (position < 0) {
        return Set.of();
      }
      NodeProto node = graph.node(position);
      boolean measures = node.getOpType().equals("Shape") || node.getOpType().equals("Size");
      if (measures && (node.getInput(0).equals(tensor) || !known.contains(node.getInput(0)))) {
        return Set.of();
      }
      if (makers.add(position) && !measures) {
        open.addAll(Graph.uses(node));
      }
    }
    return makers;
  }

  static DataType type(Graph graph, String tensor) {
    return graph.shapes().type(tensor).orElse(DataType.FLOAT);
  }

  private static Optional<Shapes.Size> size(Graph graph, String tensor) {
    return INTEGERS.contains(type(graph, tensor)) ? graph.shapes().size(tensor) : Optional.empty();
  }

  /** A network, and where it is cut. */
  record Own(Graph graph, Cut cut) {}

  /** The same network, whose head needs no sizes but those of its features. */
  static Own own(Graph graph, Cut.Finder finder) throws OnnxException {
    Graph scaled = scaled(graph, finder.in(graph));
    return measuredInside(scaled, finder.in(scaled));
  }

  /**
   * The same network, whose head enlarges maps by whole factors where the file has it enlarge them
   * to a size: so it does with a part of a map what it does with all of it.
   */
  private static Graph scaled(Graph graph, Cut cut) {
    GraphProto.Builder scaled = graph.proto().toBuilder();
    for (int position : cut.head()) {
      NodeProto node = graph.node(position);
      float[] factors = factors(graph, node);
      if (factors != null) {
        String name = graph.unused(node.getOutput(0) + ".factors");
        List<String> inputs = List.of(node.getInput(0), node.getInput(1), name);
        scaled
            .addInitializer(Numbers.tensor(name, new long[] {factors.length}, factors))
            .setNode(position, node.toBuilder().clearInput().addAllInput(inputs));
      }
    }
    if (scaled.getInitializerCount() == graph.proto().getInitializerCount()) {
      return graph;
    }
    Graph whole = new Graph(scaled.build());
    scaled.clearNode(); // but for what computed the sizes
    whole.needed(Set.of(), whole.outputs()).forEach(at -> scaled.addNode(whole.node(at)));
    return new Graph(scaled.build());
  }

  /**
   * By which a Resize to a size makes a map larger; null where they are not whole, or not known.
   */
  private static float @Nullable [] factors(Graph graph, NodeProto node) {
    if (!node.getOpType().equals("Resize") || node.getInputCount() != 4) {
      return null;
    }
    Shapes.Size to = graph.shapes().size(node.getInput(3)).orElse(null);
    long[] from = graph.shapes().shape(node.getInput(0)).orElse(new long[0]);
    if (to == null || from.length != 4 || to.plus().length != 4) {
      return null;
    }
    float[] factors = {1, 1, 1, 1};
    for (int axis = 2; axis < 4; axis++) {
      if (from[axis] < 1 || to.plus()[axis] < 1 || to.plus()[axis] % from[axis] != 0) {
        return null;
      }
      factors[axis] = to.plus()[axis] / from[axis];
    }
    return factors;
  }

  /** Which axis counts the records, where it is one and not the first. */
  private static OptionalInt turned(Graph graph, String tensor) {
    long[] times = graph.shapes().times(tensor).orElse(new long[0]);
    int[] counting = IntStream.range(0, times.length).filter(i -> times[i] != 0).toArray();
    boolean one = counting.length == 1 && counting[0] > 0 && times[counting[0]] == 1;
    return one && FLOATS.contains(type(graph, tensor))
        ? OptionalInt.of(counting[0])
        : OptionalInt.empty();
  }

  /**
   * The same network, whose head has the sizes that cross the cut as numbers, or computes them from
   * how many records there are of a feature, and turns what comes to it record by record to what
   * crossed the cut otherwise; the very graph where nothing of the kind crosses it.
   */
  private static Own measuredInside(Graph graph, Cut cut) throws OnnxException {
    Sized sized = new Sized(graph, cut);
    cut.features().forEach(sized::turn);
    cut.features().forEach(sized::measure);
    return sized.own();
  }

  /** A graph whose head is given sizes of its own. */
  private static final class Sized {
    private final Graph graph;
    private final Cut cut;
    private final Set<Integer> shared;
    private final Set<NodeProto> inHead = Collections.newSetFromMap(new IdentityHashMap<>());
    private final GraphProto.Builder whole;
    private final List<NodeProto> made = new ArrayList<>();
    private final Map<String, String> names = new HashMap<>();

    /** What comes record by record. */
    private Optional<String> measured;

    Sized(Graph graph, Cut cut) {
      this.graph = graph;
      this.cut = cut;
      this.whole = graph.proto().toBuilder();
      shared = graph.needed(Set.of(), cut.features());
      shared.retainAll(cut.head());
      measured =
          cut.features().stream()
              .filter(f -> FLOATS.contains(type(graph, f)) && byRecord(graph, f))
              .findFirst();
    }

    Own own() throws OnnxException {
      if (names.isEmpty()) {
        return new Own(graph, cut);
      }
      List<NodeProto> nodes = ordered();
      Graph own = new Graph(whole.clearNode().addAllNode(nodes).build());
      Set<Integer> inside =
          IntStream.range(0, nodes.size())
              .filter(position -> inHead.contains(nodes.get(position)))
              .boxed()
              .collect(Collectors.toCollection(TreeSet::new));
      return new Own(own, Cut.of(own, Layers.of(own), inside, "there"));
    }

    /** Crosses the cut with the records first, and is turned back behind it. */
    void turn(String feature) {
      int axis = turned(graph, feature).orElse(0);
      if (axis > 0) {
        String first = graph.unused(feature + ".by.record");
        int rank = graph.shapes().times(feature).orElseThrow().length;
        List<Long> order = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
        Collections.rotate(order.subList(0, axis + 1), 1);
        node(transposed(order), first, feature);
        List<Long> back = new ArrayList<>(LongStream.range(0, rank).boxed().toList());
        Collections.rotate(back.subList(0, axis + 1), -1);
        node(transposed(back), rename(feature), first);
        measured = measured.or(() -> Optional.of(first));
      }
    }

    private static NodeProto.Builder transposed(List<Long> order) {
      return op("Transpose")
          .addAttribute(
              AttributeProto.newBuilder()
                  .setName("perm")
                  .setType(AttributeType.INTS)
                  .addAllInts(order));
    }

    void measure(String feature) {
      Optional<Shapes.Size> size = size(graph, feature);
      if (size.isPresent() && size.get().fixed()) {
        store(rename(feature), type(graph, feature), size.get().shape(), size.get().plus());
      } else if (size.isPresent() && measured.isPresent()) {
        compute(rename(feature), type(graph, feature), size.get(), measured.get());
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
}

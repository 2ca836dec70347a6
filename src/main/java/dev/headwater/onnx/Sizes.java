package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Shapes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Keeps computed sizes (Shape, Gather, Concat, ...) from crossing a cut: they belong to a batch,
 * not to a record.
 *
 * <p>The head computes them itself. Sizes that follow from other features are computed by the same
 * nodes. Sizes that are constant, or a multiple of the batch size, are computed from the batch size
 * of a feature.
 */
final class Sizes {
  /** Operators that only rearrange the values of a tensor. */
  private static final Set<String> REARRANGING =
      Set.of("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity");

  /** Operators that compute integers or booleans from single values. */
  private static final Set<String> CONVERTING =
      Set.of(
          ("Cast Equal Less LessOrEqual Greater GreaterOrEqual And Or Not Xor Unsqueeze Squeeze"
                  + " Reshape Transpose Expand Identity")
              .split(" "));

  /** The element types that may cross a cut. */
  static final Set<DataType> FLOATS = Set.of(DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16);

  private static final Set<DataType> INTEGERS = Set.of(DataType.INT64, DataType.INT32);

  private Sizes() {}

  /**
   * Returns the head plus the nodes that compute sizes for it, and the nodes that convert or
   * rearrange batch-first float tensors before the cut.
   */
  static Set<Integer> with(Graph graph, Set<Integer> head) {
    Set<Integer> extended = new TreeSet<>(head);
    while (extend(graph, extended, false) || extend(graph, extended, true)) {
      // added nodes may use further sizes, or provide tensors to read sizes from
    }
    return extended;
  }

  /** Adds nodes to the head; returns whether there were any. */
  private static boolean extend(Graph graph, Set<Integer> head, boolean constants) {
    List<String> crossing = Cut.crossing(graph, head);
    Set<String> known = new HashSet<>(crossing);
    head.forEach(position -> known.addAll(graph.node(position).getOutputList()));
    boolean changed = false;
    for (String tensor : crossing) {
      changed |= head.addAll(sizeNodes(graph, tensor, known, constants));
      changed |= moveToHead(graph, tensor, head);
    }
    return changed;
  }

  /** Moves nodes to the head while a crossing tensor is only a conversion of another one. */
  private static boolean moveToHead(Graph graph, String tensor, Set<Integer> head) {
    Deque<String> pending = new ArrayDeque<>(List.of(tensor));
    boolean moved = false;
    while (!pending.isEmpty()) {
      String current = pending.pop();
      if (belongsToHead(graph, current) && head.add(graph.producerPosition(current))) {
        moved = true;
        pending.addAll(Graph.uses(graph.node(graph.producerPosition(current))));
      }
    }
    return moved;
  }

  private static boolean belongsToHead(Graph graph, String tensor) {
    String op = graph.producer(tensor).map(NodeProto::getOpType).orElse("");
    return !graph.constant(tensor)
        && ((REARRANGING.contains(op) && !byRecord(graph, tensor))
            || (CONVERTING.contains(op) && !FLOATS.contains(Declared.type(graph, tensor))));
  }

  /** Returns false only if the first axis is known not to be the batch axis. */
  static boolean byRecord(Graph graph, String tensor) {
    Optional<long[]> times = graph.shapes().times(tensor);
    long first = graph.shapes().shape(tensor).filter(s -> s.length > 0).map(s -> s[0]).orElse(-1L);
    // a file may declare the batch size 1 of its example input
    boolean fixed = first > 1 && graph.shapes().counts();
    return times.isPresent() ? times.get()[0] == 1 : !fixed;
  }

  /** Returns whether the first axis is known to be the batch axis. */
  static boolean counts(Graph graph, String tensor) {
    return graph.shapes().times(tensor).filter(times -> times[0] == 1).isPresent();
  }

  /**
   * Returns the nodes that compute the tensor from the shapes of known tensors; none if it depends
   * on anything else.
   *
   * @param constants whether it may also depend on sizes that are constant or a multiple of the
   *     batch size
   */
  private static Set<Integer> sizeNodes(
      Graph graph, String tensor, Set<String> known, boolean constants) {
    Set<Integer> nodes = new TreeSet<>();
    Deque<String> pending = new ArrayDeque<>(List.of(tensor));
    while (!pending.isEmpty()) {
      String current = pending.pop();
      if (graph.constant(current) || (constants && size(graph, current).isPresent())) {
        continue;
      }
      int position = graph.producerPosition(current);
      if (position < 0) {
        return Set.of();
      }
      NodeProto node = graph.node(position);
      boolean readsSize = node.getOpType().equals("Shape") || node.getOpType().equals("Size");
      if (readsSize && (node.getInput(0).equals(tensor) || !known.contains(node.getInput(0)))) {
        return Set.of();
      }
      if (nodes.add(position) && !readsSize) {
        pending.addAll(Graph.uses(node));
      }
    }
    return nodes;
  }

  static Optional<Shapes.Size> size(Graph graph, String tensor) {
    return INTEGERS.contains(Declared.type(graph, tensor))
        ? graph.shapes().size(tensor)
        : Optional.empty();
  }

  /** A graph and its cut. */
  record Own(Graph graph, Cut cut) {}

  /** Rewrites the graph so that the head needs no sizes other than those of its features. */
  static Own own(Graph graph, Cut.Finder finder) throws OnnxException {
    Cut cut = finder.in(graph);
    Graph scaled = Enlarging.byFactors(graph, cut.head());
    return OwnSizes.of(scaled, scaled == graph ? cut : finder.in(scaled));
  }
}

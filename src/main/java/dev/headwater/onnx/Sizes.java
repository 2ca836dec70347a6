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
      grown |= carry(graph, tensor, head);
    }
    return grown;
  }

  /**
   * Goes back as long as a tensor is not so many floats a record, but plainly made of what may be.
   */
  private static boolean carry(Graph graph, String tensor, Set<Integer> head) {
    Deque<String> open = new ArrayDeque<>(List.of(tensor));
    boolean carried = false;
    while (!open.isEmpty()) {
      String at = open.pop();
      if (carried(graph, at) && head.add(graph.producerPosition(at))) {
        carried = true;
        open.addAll(Graph.uses(graph.node(graph.producerPosition(at))));
      }
    }
    return carried;
  }

  private static boolean carried(Graph graph, String tensor) {
    String op = graph.producer(tensor).map(NodeProto::getOpType).orElse("");
    return !graph.constant(tensor)
        && ((ARRANGES.contains(op) && !byRecord(graph, tensor))
            || (CONVERTS.contains(op) && !FLOATS.contains(Declared.type(graph, tensor))));
  }

  /** False only where it is known that its first axis has not one place a record. */
  static boolean byRecord(Graph graph, String tensor) {
    Optional<long[]> times = graph.shapes().times(tensor);
    long first = graph.shapes().shape(tensor).filter(s -> s.length > 0).map(s -> s[0]).orElse(-1L);
    // a file may declare the one record it was exported with
    boolean fixed = first > 1 && graph.shapes().counts();
    return times.isPresent() ? times.get()[0] == 1 : !fixed;
  }

  /** Whether it is known that its first axis has one place a record. */
  static boolean counts(Graph graph, String tensor) {
    return graph.shapes().times(tensor).filter(times -> times[0] == 1).isPresent();
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

  static Optional<Shapes.Size> size(Graph graph, String tensor) {
    return INTEGERS.contains(Declared.type(graph, tensor))
        ? graph.shapes().size(tensor)
        : Optional.empty();
  }

  /** A network, and where it is cut. */
  record Own(Graph graph, Cut cut) {}

  /** The same network, whose head needs no sizes but those of its features. */
  static Own own(Graph graph, Cut.Finder finder) throws OnnxException {
    Cut cut = finder.in(graph);
    Graph scaled = Enlarging.byFactors(graph, cut.head());
    return OwnSizes.of(scaled, scaled == graph ? cut : finder.in(scaled));
  }
}

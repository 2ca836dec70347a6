package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import com.google.protobuf.ByteString;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import dev.headwater.tail.op.Selection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Recurrent layers, step by step: over sequences that are all as long as the tensor says. */
public final class Recurrent {
  private static final Set<String> SWITCHES = Set.of("input_forget", "layout");

  /** The records-first layout for one: ONNX Runtime refuses it, and so could not be compared. */
  private static final List<String> VARIANTS =
      List.of("clip", "activation_alpha", "activation_beta", "input_forget", "layout");

  private Recurrent() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "LSTM", recurrent(Cell.LSTM, "Sigmoid", "Tanh", "Tanh"),
        "GRU", recurrent(Cell.GRU, "Sigmoid", "Tanh"),
        "RNN", recurrent(Cell.RNN, "Tanh"));
  }

  private static Operator recurrent(Cell cell, String... activations) {
    Operator operator = call -> run(call, cell, List.of(activations));
    return operator.unless(node -> obstacle(node, cell, activations.length));
  }

  private static @Nullable String obstacle(NodeProto node, Cell cell, int activations) {
    if (Graph.attribute(node, "hidden_size").isEmpty()) {
      return "lacks its hidden_size";
    }
    if (given(node, 4)) {
      return "is told the length of each sequence";
    }
    if (given(node, 7)) {
      return "has peepholes";
    }
    for (String variant : VARIANTS) {
      boolean off = SWITCHES.contains(variant) && Graph.integer(node, variant, 0) == 0;
      if (Graph.attribute(node, variant).isPresent() && !off) {
        return "is of a variant that is not rebuilt, with " + variant;
      }
    }
    List<String> named = activations(node);
    if (!Activations.COMMON.containsAll(named)
        || (!named.isEmpty() && named.size() != activations * ways(node))) {
      return "has activations that are not rebuilt, " + named;
    }
    return cell == Cell.RNN && named.stream().anyMatch(name -> Activations.parameters(name) > 0)
        ? "has an activation whose parameters ONNX Runtime takes for 0 in an RNN, " + named
        : null;
  }

  private static boolean given(NodeProto node, int input) {
    return node.getInputCount() > input && !node.getInput(input).isEmpty();
  }

  private static List<String> activations(NodeProto node) {
    return Graph.attribute(node, "activations").map(AttributeProto::getStringsList).stream()
        .flatMap(List::stream)
        .map(ByteString::toStringUtf8)
        .toList();
  }

  private static int ways(NodeProto node) {
    return Call.text(node, "direction", "forward").equals("bidirectional") ? 2 : 1;
  }

  /** All places' share of the gates is computed at once; what is left goes place by place. */
  private static NDList run(Call call, Cell cell, List<String> defaults) {
    NDArray x = call.in(0);
    boolean reverse = call.text("direction", "forward").equals("reverse");
    int ways = ways(call.node());
    List<String> named = activations(call.node());
    int each = defaults.size();
    NDList sequences = new NDList();
    NDList[] ends = new NDList[ways];
    for (int way = 0; way < ways; way++) {
      boolean backwards = reverse || way == 1;
      List<String> names = named.isEmpty() ? defaults : named.subList(way * each, (way + 1) * each);
      Gates gates = Gates.of(call, way, cell, names);
      NDArray shares = gates.shares(backwards ? x.flip(0) : x);
      NDList state = initial(call, x, way, cell.states());
      NDList seen = new NDList();
      for (int place = 0; place < x.getShape().get(0); place++) {
        state = cell.next(Selection.part(shares, 0, place, place + 1, 1).squeeze(0), state, gates);
        seen.add(state.get(0));
      }
      NDArray sequence = NDArrays.stack(seen, 0);
      sequences.add(backwards ? sequence.flip(0) : sequence);
      ends[way] = state;
    }
    NDList made = new NDList(NDArrays.stack(sequences, 1));
    for (int i = 0; i < cell.states(); i++) {
      int which = i;
      NDList last = new NDList(Stream.of(ends).map(end -> end.get(which)).toList());
      made.add(NDArrays.stack(last, 0));
    }
    return made;
  }

  private static NDList initial(Call call, NDArray x, int way, int states) {
    long records = x.getShape().get(1);
    NDList initial = new NDList();
    for (int i = 0; i < states; i++) {
      NDArray given = call.optional(5 + i);
      if (given == null) {
        long width = call.in(2).getShape().get(2);
        initial.add(call.scope().zeros(new Shape(records, width)));
      } else {
        initial.add(Gates.direction(Call.near(given, x), way));
      }
    }
    return initial;
  }
}

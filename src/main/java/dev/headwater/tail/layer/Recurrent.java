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

/** Recurrent layers, unrolled step by step; all sequences have the full length of the tensor. */
public final class Recurrent {
  private static final Set<String> SWITCHES = Set.of("input_forget", "layout");

  /** Unsupported attributes. ONNX Runtime rejects layout = 1, so that could not be verified. */
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
      return "has no hidden_size";
    }
    if (isGiven(node, 4)) {
      return "uses sequence lengths";
    }
    if (isGiven(node, 7)) {
      return "uses peephole weights";
    }
    for (String variant : VARIANTS) {
      boolean off = SWITCHES.contains(variant) && Graph.integer(node, variant, 0) == 0;
      if (Graph.attribute(node, variant).isPresent() && !off) {
        return "uses the unsupported attribute " + variant;
      }
    }
    List<String> configured = activations(node);
    if (!Activations.COMMON.containsAll(configured)
        || (!configured.isEmpty() && configured.size() != activations * directions(node))) {
      return "uses unsupported activations " + configured;
    }
    return cell == Cell.RNN
            && configured.stream().anyMatch(name -> Activations.parameters(name) > 0)
        ? "uses activations whose parameters ONNX Runtime sets to 0 in an RNN, " + configured
        : null;
  }

  private static boolean isGiven(NodeProto node, int input) {
    return node.getInputCount() > input && !node.getInput(input).isEmpty();
  }

  private static List<String> activations(NodeProto node) {
    return Graph.attribute(node, "activations").map(AttributeProto::getStringsList).stream()
        .flatMap(List::stream)
        .map(ByteString::toStringUtf8)
        .toList();
  }

  private static int directions(NodeProto node) {
    return Call.text(node, "direction", "forward").equals("bidirectional") ? 2 : 1;
  }

  /**
   * Computes the inputs' contribution to the gates for all positions at once, the rest stepwise.
   */
  private static NDList run(Call call, Cell cell, List<String> defaults) {
    NDArray x = call.in(0);
    boolean reverse = call.text("direction", "forward").equals("reverse");
    int directions = directions(call.node());
    List<String> configured = activations(call.node());
    int perDirection = defaults.size();
    NDList sequences = new NDList();
    NDList[] lastStates = new NDList[directions];
    for (int direction = 0; direction < directions; direction++) {
      boolean backwards = reverse || direction == 1;
      List<String> names =
          configured.isEmpty()
              ? defaults
              : configured.subList(direction * perDirection, (direction + 1) * perDirection);
      Gates gates = Gates.of(call, direction, cell, names);
      NDArray inputs = gates.shares(backwards ? x.flip(0) : x);
      NDList state = initial(call, x, direction, cell.states());
      NDList hidden = new NDList();
      for (int step = 0; step < x.getShape().get(0); step++) {
        state = cell.next(Selection.part(inputs, 0, step, step + 1, 1).squeeze(0), state, gates);
        hidden.add(state.get(0));
      }
      NDArray sequence = NDArrays.stack(hidden, 0);
      sequences.add(backwards ? sequence.flip(0) : sequence);
      lastStates[direction] = state;
    }
    NDList outputs = new NDList(NDArrays.stack(sequences, 1));
    for (int i = 0; i < cell.states(); i++) {
      int index = i;
      NDList last = new NDList(Stream.of(lastStates).map(end -> end.get(index)).toList());
      outputs.add(NDArrays.stack(last, 0));
    }
    return outputs;
  }

  private static NDList initial(Call call, NDArray x, int direction, int states) {
    long batch = x.getShape().get(1);
    NDList initial = new NDList();
    for (int i = 0; i < states; i++) {
      NDArray given = call.optional(5 + i);
      if (given == null) {
        long width = call.in(2).getShape().get(2);
        initial.add(call.scope().zeros(new Shape(batch, width)));
      } else {
        initial.add(Gates.direction(Call.near(given, x), direction));
      }
    }
    return initial;
  }
}

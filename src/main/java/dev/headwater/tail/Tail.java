package dev.headwater.tail;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.Split;
import dev.headwater.onnx.graph.Checks;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.op.Literals;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A head graph as a differentiable function of its features and parameters, on PyTorch, in float32
 * throughout: what ONNX Runtime computes, to rounding. Dropout is off and running statistics stay
 * as they are. Any number of classes fits, for the graph knows only the parameters' own shapes.
 *
 * <p>Thread-safe. Close it to free its constants.
 */
public final class Tail implements AutoCloseable {
  private final List<String> features;
  private final List<String> parameters;
  private final String logits;
  private final List<Step> steps = new ArrayList<>();
  private final Constants constants = new Constants();

  private Tail(Split split) {
    features = split.features();
    parameters = split.parameterNames();
    logits = split.logits();
  }

  /**
   * Rebuilds the head of a split.
   *
   * @throws OnnxException naming each node that cannot be trained, why, and the nearest cut that
   *     would do
   */
  public static Tail of(Split split) throws OnnxException {
    // everything is on the class path: nothing to look for elsewhere, nobody to tell
    System.setProperty("ai.djl.offline", "true");
    requireTrainable(split);
    Tail tail = new Tail(split);
    tail.build(sliced(split), Checks.opset(split.headModel()));
    return tail;
  }

  /**
   * As {@link #of}, and builds nothing: PyTorch need not be there.
   *
   * @throws OnnxException likewise
   */
  public static void requireTrainable(Split split) throws OnnxException {
    String obstacle = obstacle(split);
    if (obstacle != null) {
      throw new OnnxException(
          "%s %s"
              .formatted(
                  obstacle,
                  split
                      .nearestCut(other -> obstacle(other) == null)
                      .map(cut -> "The nearest cut that works is " + cut + ".")
                      .orElse("No cut avoids that: train a new head on a tensor before it.")));
    }
  }

  /** Why the head of a split cannot be rebuilt, in whole sentences; null if it can. */
  public static @Nullable String obstacle(Split split) {
    Set<String> obstacles = obstacles(sliced(split), split.parameterNames());
    return obstacles.isEmpty()
        ? null
        : "The head cannot be rebuilt for training. " + String.join(" ", obstacles);
  }

  private static GraphProto sliced(Split split) {
    Set<String> given = new HashSet<>(split.features());
    given.addAll(split.parameterNames());
    return new Graph(split.headModel().getGraph()).slice(given, List.of(split.logits())).build();
  }

  private static Set<String> obstacles(GraphProto graph, List<String> parameters) {
    Set<String> obstacles = new LinkedHashSet<>();
    for (TensorProto tensor : graph.getInitializerList()) {
      String obstacle = Literals.obstacle(tensor);
      if (obstacle != null) {
        obstacles.add("`%s` %s.".formatted(tensor.getName(), obstacle));
      }
    }
    graph.getSparseInitializerList().stream()
        .map(sparse -> "`%s` is sparse.".formatted(sparse.getValues().getName()))
        .forEach(obstacles::add);
    Makers makers = Makers.of(new Graph(graph), parameters);
    for (NodeProto node : graph.getNodeList()) {
      String obstacle = Operators.obstacle(makers, node);
      if (obstacle != null) {
        obstacles.add(
            "%s, which makes `%s`, %s.".formatted(node.getOpType(), Graph.output(node), obstacle));
      }
    }
    return obstacles;
  }

  private void build(GraphProto graph, long opset) {
    graph.getInitializerList().forEach(constants::add);
    graph.getNodeList().forEach(node -> add(Step.of(node, opset)));
  }

  private void add(Step step) {
    Map<String, NDArray> known = constants.on(Device.cpu());
    if (!known.keySet().containsAll(step.inputs())) {
      steps.add(step);
      return;
    }
    try (NDManager scope = constants.newScope()) {
      Map<String, NDArray> values = new HashMap<>();
      step.inputs().forEach(input -> values.put(input, Step.lent(known.get(input), scope)));
      step.run(values, scope);
      values.keySet().removeAll(step.inputs());
      values.forEach(constants::add);
    }
  }

  /** The tensors that go in, in the order {@link #logits} takes them. */
  public List<String> features() {
    return features;
  }

  /** The names of the parameters. */
  public List<String> parameters() {
    return parameters;
  }

  /**
   * The logits of a batch. Gradients flow to the parameters, and features, that require them.
   *
   * @param batch one tensor for each of {@link #features}, batch axis first
   * @param weights one tensor for each of {@link #parameters}, by name; others are ignored
   * @param scope whatever is computed belongs to it, the result included: a child manager of one
   *     step, on the device of batch and weights, closed after the step
   */
  public NDArray logits(NDList batch, Map<String, NDArray> weights, NDManager scope) {
    if (batch.size() != features.size() || !weights.keySet().containsAll(parameters)) {
      throw new IllegalArgumentException(
          "the tail wants the features %s and parameters %s, but was given %d features and %s"
              .formatted(features, parameters, batch.size(), weights.keySet()));
    }
    Map<String, NDArray> values = new HashMap<>();
    constants.on(scope.getDevice()).forEach((name, c) -> values.put(name, Step.lent(c, scope)));
    parameters.forEach(name -> values.put(name, Step.lent(weights.get(name), scope)));
    for (int i = 0; i < features.size(); i++) {
      values.put(features.get(i), Step.lent(batch.get(i), scope));
    }
    steps.forEach(step -> step.run(values, scope));
    NDArray result = values.get(logits);
    if (result == null) {
      throw new IllegalStateException("no step makes " + logits);
    }
    return result;
  }

  @Override
  public void close() {
    constants.close();
  }
}

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
 * A head graph as a differentiable PyTorch function of features and parameters, in float32. It
 * matches ONNX Runtime up to rounding. Dropout is off and running statistics are frozen. The number
 * of classes may change: the graph takes all shapes from the parameters.
 *
 * <p>Thread-safe. {@link #close} frees its constants.
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
   * @throws OnnxException if the head cannot be rebuilt; names each unsupported node, the reason,
   *     and the nearest supported cut
   */
  public static Tail of(Split split) throws OnnxException {
    // everything is on the class path: no downloads and no telemetry
    System.setProperty("ai.djl.offline", "true");
    requireTrainable(split);
    Tail tail = new Tail(split);
    tail.build(sliced(split), Checks.opset(split.headModel()));
    return tail;
  }

  /**
   * Performs the checks of {@link #of} without building anything. Does not need PyTorch.
   *
   * @throws OnnxException if the head cannot be rebuilt
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
                      .map(cut -> "The nearest valid cut is " + cut + ".")
                      .orElse(
                          "No supported cut exists: "
                              + "train a new head (head: none) on an earlier tensor.")));
    }
  }

  /** Returns why the head of a split cannot be rebuilt, in full sentences; null if it can. */
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
        obstacles.add("Tensor `%s` %s.".formatted(tensor.getName(), obstacle));
      }
    }
    graph.getSparseInitializerList().stream()
        .map(sparse -> "Tensor `%s` is sparse.".formatted(sparse.getValues().getName()))
        .forEach(obstacles::add);
    Makers producers = Makers.of(new Graph(graph), parameters);
    for (NodeProto node : graph.getNodeList()) {
      String obstacle = Operators.obstacle(producers, node);
      if (obstacle != null) {
        obstacles.add(
            "%s node with output `%s` %s."
                .formatted(node.getOpType(), Graph.output(node), obstacle));
      }
    }
    return obstacles;
  }

  private void build(GraphProto graph, long opset) {
    graph.getInitializerList().forEach(constants::add);
    graph.getNodeList().forEach(node -> add(Step.of(node, opset)));
  }

  private void add(Step step) {
    Map<String, NDArray> onCpu = constants.on(Device.cpu());
    if (!onCpu.keySet().containsAll(step.inputs())) {
      steps.add(step);
      return;
    }
    try (NDManager scope = constants.newScope()) {
      Map<String, NDArray> values = new HashMap<>();
      step.inputs().forEach(input -> values.put(input, Step.lent(onCpu.get(input), scope)));
      step.run(values, scope);
      values.keySet().removeAll(step.inputs());
      values.forEach(constants::add);
    }
  }

  /** Returns the names of the feature tensors, in the order that {@link #logits} expects. */
  public List<String> features() {
    return features;
  }

  /** Returns the names of the parameters. */
  public List<String> parameters() {
    return parameters;
  }

  /**
   * Computes the logits of a batch. Gradients flow to the parameters and features that require
   * them.
   *
   * @param batch one tensor per name in {@link #features}, batch axis first
   * @param weights one tensor per name in {@link #parameters}; others are ignored
   * @param scope owns all computed tensors, including the result: a child manager for one step, on
   *     the device of batch and weights, to be closed after the step
   */
  public NDArray logits(NDList batch, Map<String, NDArray> weights, NDManager scope) {
    if (batch.size() != features.size() || !weights.keySet().containsAll(parameters)) {
      throw new IllegalArgumentException(
          "expected features %s and parameters %s, got %d features and parameters %s"
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
      throw new IllegalStateException("no step produces " + logits);
    }
    return result;
  }

  @Override
  public void close() {
    constants.close();
  }
}

package dev.headwater.bench;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The bundle's own head, where that is one linear layer. */
record Heads(Task task, Head own, LinearLayer layer) {

  /**
   * @throws IllegalArgumentException where it is not
   */
  static Heads of(Task task) {
    return new Heads(
        task,
        task.head().orElseThrow(() -> notLinear(task)),
        task.split().linear().orElseThrow(() -> notLinear(task)));
  }

  private static IllegalArgumentException notLinear(Task task) {
    return new IllegalArgumentException(
        "the head of %s is not one linear layer: measure its throughput, latency and start only"
            .formatted(task.name()));
  }

  LinearHead linear() {
    int classes = own.info().labels().size();
    int dim = task.featureSize();
    float[] stored = tensor(layer.weight()).values();
    float[] weight = new float[stored.length];
    for (int c = 0; c < classes; c++) {
      for (int d = 0; d < dim; d++) {
        weight[c * dim + d] = stored[layer.classesFirst() ? c * dim + d : d * classes + c];
      }
    }
    String bias = layer.bias();
    return new LinearHead(
        classes, dim, weight, bias == null ? new float[classes] : tensor(bias).values());
  }

  private Tensor tensor(String name) {
    return Objects.requireNonNull(own.tensors().get(name), name);
  }

  /**
   * The same weights as a version that followers accept.
   *
   * @param features of a record, whose logits prove the head
   */
  Head version(long version, float[] features) {
    List<String> labels = own.info().labels();
    HeadInfo info =
        new HeadInfo(
            task.name(),
            version,
            version - 1,
            labels,
            task.fingerprint(),
            Instant.now(),
            "bench",
            "none",
            new Verdict(true, "the same weights, to measure the swap", 0, Map.of()));
    return new Head(
        info,
        own.tensors(),
        new Tensor(new long[] {1, features.length}, features),
        new Tensor(new long[] {1, labels.size()}, linear().logits(features)));
  }
}

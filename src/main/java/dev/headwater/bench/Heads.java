package dev.headwater.bench;

import dev.headwater.adapt.HeadLayout;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** The head of the bundle, which must be one linear layer. */
record Heads(Task task, Head own) {

  /**
   * Returns the head of a task.
   *
   * @throws IllegalArgumentException if it is not one linear layer
   */
  static Heads of(Task task) {
    if (task.head().isEmpty() || task.split().linear().isEmpty()) {
      throw new IllegalArgumentException(
          "the head of task %s is not one linear layer; use --only throughput,latency,start"
              .formatted(task.name()));
    }
    return new Heads(task, task.head().get());
  }

  LinearHead linear() {
    return HeadLayout.of(task).linear(own);
  }

  /**
   * Returns a version with the same weights that scorers accept.
   *
   * @param features features of a record, from which the golden logits are computed
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
            new Verdict(true, "same weights, for the swap benchmark", 0, Map.of()));
    return new Head(
        info,
        own.tensors(),
        new Tensor(new long[] {1, features.length}, features),
        new Tensor(new long[] {1, labels.size()}, linear().logits(features)));
  }
}

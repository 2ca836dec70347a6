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

/** The bundle's own head, where that is one linear layer. */
record Heads(Task task, Head own) {

  /**
   * @throws IllegalArgumentException where it is not
   */
  static Heads of(Task task) {
    if (task.head().isEmpty() || task.split().linear().isEmpty()) {
      throw new IllegalArgumentException(
          "the head of %s is not one linear layer: measure its throughput, latency and start only"
              .formatted(task.name()));
    }
    return new Heads(task, task.head().get());
  }

  LinearHead linear() {
    return HeadLayout.of(task).linear(own);
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

package dev.headwater.replay;

import dev.headwater.bundle.Task;
import dev.headwater.replay.traffic.Truth;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The settings of a replay.
 *
 * @param stream JSONL file, one record per line, in order; empty if the command line sets it
 * @param truthFields fields that are removed before a record is sent; the first one holds the
 *     ground truth of the first task
 * @param truths source of the ground truth by task name; default: the field with the name of the
 *     task
 * @param domainField field whose values break down the report; empty for none
 * @param rate records sent per second
 * @param labelDelay time from a label request to sending the label
 * @param adapt whether to run a trainer; without one the replay measures the head of the bundle
 * @param bootstrapServers external broker; empty for an embedded one
 * @param report file for the report; the final head is exported beside it
 * @param dump directory for the consumed predictions and samples
 * @param stallTimeout time without progress after which the replay fails
 */
public record ReplaySettings(
    Optional<Path> stream,
    List<String> truthFields,
    Map<String, Truth> truths,
    Optional<String> domainField,
    double rate,
    Duration labelDelay,
    boolean adapt,
    Optional<String> bootstrapServers,
    Optional<Path> report,
    Optional<Path> dump,
    Duration stallTimeout) {

  public ReplaySettings {
    truthFields = List.copyOf(truthFields);
    truths = Map.copyOf(truths);
    if (truthFields.isEmpty()) {
      throw new IllegalArgumentException(
          "replay.truth-fields must not be empty: expected the field that holds the label");
    }
    if (!(rate > 0 && rate <= 1e6)) {
      throw new IllegalArgumentException(
          "invalid value '%s' for replay.rate: expected records per second in (0, 1000000]"
              .formatted(rate));
    }
    if (labelDelay.isNegative()) {
      throw new IllegalArgumentException(
          "invalid value '%s' for replay.label-delay: must not be negative".formatted(labelDelay));
    }
    if (stallTimeout.isNegative() || stallTimeout.isZero()) {
      throw new IllegalArgumentException(
          "invalid value '%s' for replay.stall-timeout: must be positive".formatted(stallTimeout));
    }
  }

  /** Returns the source of the ground truth of each task, in task order. */
  Map<String, Truth> truths(List<Task> tasks) {
    Map<String, Truth> all = new LinkedHashMap<>();
    for (Task task : tasks) {
      Truth defaultTruth = Truth.of(all.isEmpty() ? truthFields.get(0) : task.name());
      all.put(task.name(), truths.getOrDefault(task.name(), defaultTruth));
    }
    return all;
  }

  /** Returns the label field by task, for tasks whose field holds the label itself. */
  public Map<String, String> labelFields(List<Task> tasks) {
    Map<String, String> fields = new LinkedHashMap<>();
    truths(tasks).forEach((task, truth) -> truth.plainField().ifPresent(f -> fields.put(task, f)));
    return fields;
  }

  /**
   * Returns the file for the final head of a task: beside the report, else in the dump directory.
   *
   * @param suffix suffix of the file name, distinct for each task
   */
  Optional<Path> finalHead(String suffix) {
    return report
        .map(
            file -> {
              String name = file.getFileName().toString().replaceFirst("\\.json$", "");
              return file.resolveSibling(name + "-head" + suffix + ".onnx");
            })
        .or(() -> dump.map(directory -> directory.resolve("head" + suffix + ".onnx")));
  }
}

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
 * How a labelled stream is replayed.
 *
 * @param stream JSONL, one record a line, in order; empty where the command line is to name it
 * @param truthFields fields of a line that are never sent; the first one is the true label for the
 *     first task
 * @param truths where the label for another task is, by its name; where this does not say, in the
 *     field of the task's name
 * @param domainField of a line, by whose value the report tells apart; empty for none
 * @param rate records sent a second
 * @param labelDelay from a record's asking for its label to the label's being sent
 * @param adapt whether a trainer runs; without one the replay measures the bundle's own head
 * @param bootstrapServers of the broker to run on; empty for one of its own
 * @param report where the report goes; the final head is exported beside it
 * @param dump directory for what a read_committed consumer saw, to recount the report from
 * @param stallTimeout without any progress, after which the replay fails and says what is missing
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
      throw new IllegalArgumentException("replay.truth-fields must name the field of the label");
    }
    if (!(rate > 0 && rate <= 1e6)) {
      throw new IllegalArgumentException(
          "replay.rate must be records a second above 0 and at most 1000000, is " + rate);
    }
    if (labelDelay.isNegative()) {
      throw new IllegalArgumentException(
          "replay.label-delay must not be negative, is " + labelDelay);
    }
    if (stallTimeout.isNegative() || stallTimeout.isZero()) {
      throw new IllegalArgumentException(
          "replay.stall-timeout must be positive, is " + stallTimeout);
    }
  }

  /** Where the truth for each of the tasks is, in their order. */
  Map<String, Truth> truths(List<Task> tasks) {
    Map<String, Truth> all = new LinkedHashMap<>();
    for (Task task : tasks) {
      Truth implied = Truth.of(all.isEmpty() ? truthFields.get(0) : task.name());
      all.put(task.name(), truths.getOrDefault(task.name(), implied));
    }
    return all;
  }

  /** The field that holds the label itself, by task; of those only that have one. */
  public Map<String, String> labelFields(List<Task> tasks) {
    Map<String, String> fields = new LinkedHashMap<>();
    truths(tasks).forEach((task, truth) -> truth.plainField().ifPresent(f -> fields.put(task, f)));
    return fields;
  }

  /**
   * Where a task's final head is exported: beside the report, else into the dump.
   *
   * @param suffix of the name, telling tasks apart
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

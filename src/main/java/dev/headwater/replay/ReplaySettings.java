package dev.headwater.replay;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How a labelled stream is replayed.
 *
 * @param stream JSONL, one record a line, in order; empty where the command line is to name it
 * @param truthFields fields of a line that are never sent; the first one is the true label
 * @param rate records sent a second
 * @param labelDelay from a record's asking for its label to the label's being sent
 * @param adapt whether a trainer runs; without one the replay measures the bundle's own head
 * @param bootstrapServers of the broker to run on; empty for one inside this JVM
 * @param report where the report goes; the final head is exported beside it
 * @param dump directory for what a read_committed consumer saw, to recount the report from
 * @param stallTimeout without any progress, after which the replay fails and says what is missing
 */
public record ReplaySettings(
    Optional<Path> stream,
    List<String> truthFields,
    double rate,
    Duration labelDelay,
    boolean adapt,
    Optional<String> bootstrapServers,
    Optional<Path> report,
    Optional<Path> dump,
    Duration stallTimeout) {

  public ReplaySettings {
    truthFields = List.copyOf(truthFields);
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

  /** Where the final head is exported: beside the report, else into the dump. */
  Optional<Path> finalHead() {
    return report
        .map(
            file -> {
              String name = file.getFileName().toString().replaceFirst("\\.json$", "");
              return file.resolveSibling(name + "-head.onnx");
            })
        .or(() -> dump.map(directory -> directory.resolve("head.onnx")));
  }
}

package dev.headwater.bench;

import dev.headwater.replay.Pipeline;
import java.nio.file.Path;
import java.util.List;

/**
 * What is measured, and how long.
 *
 * @param manifest of the pipeline's bundle
 * @param directory what the manifest's paths are relative to
 * @param stream JSONL: the records, sent over and over
 * @param truthFields of a line, which are not sent
 * @param rounds in which every contestant runs once, at least 1
 * @param seconds Headwater's run of a round should take; records are counted out accordingly
 */
public record BenchSettings(
    Pipeline pipeline,
    Path manifest,
    Path directory,
    Path stream,
    List<String> truthFields,
    int rounds,
    double seconds) {

  public BenchSettings {
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds must be at least 1, not " + rounds);
    }
    if (!(seconds > 0)) {
      throw new IllegalArgumentException("seconds must be above 0, not " + seconds);
    }
  }
}

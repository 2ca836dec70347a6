package dev.headwater.bench;

import dev.headwater.replay.Pipeline;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * What is measured, and how long.
 *
 * @param manifest of the pipeline's bundle
 * @param directory what the manifest's paths are relative to
 * @param stream JSONL: the records, sent over and over
 * @param truthFields of a line, which are not sent
 * @param commands as processes, where a part wants them
 * @param parts what is measured
 * @param rounds in which every contestant runs once, at least 1
 * @param seconds Headwater's run of a round should take; records are counted out accordingly
 */
public record BenchSettings(
    Pipeline pipeline,
    Path manifest,
    Path directory,
    Path stream,
    List<String> truthFields,
    Commands commands,
    Set<Part> parts,
    int rounds,
    double seconds) {

  /** What can be measured. */
  public enum Part {
    /** The four contestants. */
    THROUGHPUT,
    /** At half and at four fifths of Headwater's throughput. */
    LATENCY,
    /** A new head under half of that load. */
    SWAP,
    /** A head on ten thousand samples. */
    FINETUNE,
    /** From nothing to the first prediction. */
    START,
    /** What a trainer at work takes from scoring. */
    ADAPTATION
  }

  public BenchSettings {
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds must be at least 1, not " + rounds);
    }
    if (!(seconds > 0)) {
      throw new IllegalArgumentException("seconds must be above 0, not " + seconds);
    }
  }
}

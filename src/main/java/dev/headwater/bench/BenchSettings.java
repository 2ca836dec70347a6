package dev.headwater.bench;

import dev.headwater.replay.Pipeline;
import java.nio.file.Path;
import java.util.EnumSet;
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
 * @param axes along which {@link Part#SCALE} goes
 * @param upTo how far; each axis has one point at least
 * @param rounds in which every contestant runs once, at least 1
 * @param seconds Headwater's run of a round should take; records are counted out accordingly
 * @param minutes of {@link Part#SOAK}
 */
public record BenchSettings(
    Pipeline pipeline,
    Path manifest,
    Path directory,
    Path stream,
    List<String> truthFields,
    Commands commands,
    Set<Part> parts,
    Set<Axis> axes,
    int upTo,
    int rounds,
    double seconds,
    double minutes) {

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
    ADAPTATION,
    /** Nearly at Headwater's throughput, for long: what it lags and what it holds. */
    SOAK,
    /** What the bundle's further tasks take from the throughput of the first. */
    TASKS,
    /** The cost of a record as something grows. Of a network of its own, and long. */
    SCALE;

    /** All but the long ones, and what few bundles have. */
    public static Set<Part> ofDeployment() {
      return EnumSet.complementOf(EnumSet.of(SOAK, TASKS, SCALE));
    }
  }

  /** What grows. */
  public enum Axis {
    /** Worked off in one run. */
    RECORDS(64_000, 250_000, 1_000_000),
    /** Of the records' topic, and of all that are shared with others. */
    PARTITIONS(1, 2, 4, 8, 16, 32, 64),
    /** Waiting in the join for records that do not come. */
    LABELS(10, 100, 1_000, 10_000, 100_000, 1_000_000),
    /** A head tells apart. */
    CLASSES(10, 100, 1_000, 10_000),
    /** Told of each record. */
    TASKS(1, 2, 4, 8);

    private final List<Integer> points;

    Axis(Integer... points) {
      this.points = List.of(points);
    }

    /** The first point, and those that are no greater than {@code limit}. */
    List<Integer> upTo(int limit) {
      return points.stream().filter(x -> x <= Math.max(limit, points.get(0))).toList();
    }
  }

  public BenchSettings {
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds must be at least 1, not " + rounds);
    }
    if (!(seconds > 0)) {
      throw new IllegalArgumentException("seconds must be above 0, not " + seconds);
    }
    if (!(minutes > 0)) {
      throw new IllegalArgumentException("minutes must be above 0, not " + minutes);
    }
  }
}

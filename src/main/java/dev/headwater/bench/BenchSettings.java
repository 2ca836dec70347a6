package dev.headwater.bench;

import dev.headwater.replay.Pipeline;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * Parts and length of a benchmark.
 *
 * @param manifest manifest of the pipeline's bundle
 * @param directory directory that the paths in the manifest are relative to
 * @param stream JSONL file with the records, which are sent repeatedly
 * @param truthFields fields that are removed before a record is sent
 * @param commands Headwater commands as processes, for the parts that need them
 * @param parts parts to measure
 * @param axes axes of {@link Part#SCALE}
 * @param upTo upper limit of the points of an axis; each axis has at least one point
 * @param rounds number of rounds, at least 1; every variant runs once per round
 * @param seconds target duration of Headwater's run in a round; determines the number of records
 * @param minutes duration of {@link Part#SOAK}
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

  /** A part of the benchmark. */
  public enum Part {
    /** Throughput of the four variants. */
    THROUGHPUT,
    /** Latency at 50 % and 80 % of Headwater's throughput. */
    LATENCY,
    /** Head swaps at half of that throughput. */
    SWAP,
    /** Training a head on 10,000 samples. */
    FINETUNE,
    /** Time from process start to the first prediction. */
    START,
    /** Cost of a running trainer to scoring. */
    ADAPTATION,
    /** Lag and memory over a long run near Headwater's throughput. */
    SOAK,
    /** Cost of the bundle's additional tasks to the throughput of the first. */
    TASKS,
    /** Cost per record along an axis, with a generated network. Long. */
    SCALE;

    /** Returns all parts except the long ones and those that few bundles support. */
    public static Set<Part> ofDeployment() {
      return EnumSet.complementOf(EnumSet.of(SOAK, TASKS, SCALE));
    }
  }

  /** A quantity that {@link Part#SCALE} varies. */
  public enum Axis {
    /** Records per run. */
    RECORDS(64_000, 250_000, 1_000_000),
    /** Partitions of the records topic and of all other topics shared with applications. */
    PARTITIONS(1, 2, 4, 8, 16, 32, 64),
    /** Labels in the join store that never match a record. */
    LABELS(10, 100, 1_000, 10_000, 100_000, 1_000_000),
    /** Labels of the head. */
    CLASSES(10, 100, 1_000, 10_000),
    /** Tasks per record. */
    TASKS(1, 2, 4, 8);

    private final List<Integer> points;

    Axis(Integer... points) {
      this.points = List.of(points);
    }

    /** Returns the first point, and all points not greater than {@code limit}. */
    List<Integer> upTo(int limit) {
      return points.stream().filter(x -> x <= Math.max(limit, points.get(0))).toList();
    }
  }

  public BenchSettings {
    if (rounds < 1) {
      throw new IllegalArgumentException("rounds must be at least 1, got " + rounds);
    }
    if (!(seconds > 0)) {
      throw new IllegalArgumentException("seconds must be greater than 0, got " + seconds);
    }
    if (!(minutes > 0)) {
      throw new IllegalArgumentException("minutes must be greater than 0, got " + minutes);
    }
  }
}

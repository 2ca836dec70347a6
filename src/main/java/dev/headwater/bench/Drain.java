package dev.headwater.bench;

import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/**
 * Measures how fast a variant processes a topic that was filled before. Only committed records
 * count: under exactly-once, offsets and predictions become visible together, so the committed
 * offsets give the number of predictions without reading them during the run.
 */
final class Drain {
  /** Fraction of the records used as warm-up, until code is compiled and batches are full. */
  static final double WARM_UP = 0.2;

  private static final int TRIAL_RECORDS = 10_000;
  private static final int TRIALS = 6;
  private static final double TOLERANCE = 1.15;

  private final Arena arena;
  private int runs;
  private int trials;

  Drain(Arena arena) {
    this.arena = arena;
  }

  /** Creates a topic and fills it with the first records of the backlog. */
  Filled fill(String name, int records) throws Exception {
    arena.open(name, name);
    arena.close(name); // deletes the topics except the records: no variant runs under this name
    arena.backlog().produce(name, records, arena.kafka());
    return new Filled(name, arena.backlog().partitions(), records);
  }

  /**
   * Runs trials of all variants, which also warm up the code, until a topic has enough records for
   * the given seconds at the current throughput of the first variant.
   */
  Filled trials(double seconds, List<Variant> variants) throws Exception {
    String name = "trial" + ++trials + "-";
    Filled filled = fill(name + 0, trial(seconds));
    int wanted = (int) (runTrial(variants, filled) * seconds);
    for (int trial = 1; trial < TRIALS && wanted > TOLERANCE * filled.records(); trial++) {
      filled = fill(name + trial, wanted);
      wanted = (int) (runTrial(variants, filled) * seconds);
    }
    return filled;
  }

  /** Returns the records of a trial for rounds of the given seconds. */
  static int trial(double seconds) {
    return (int) Math.min(TRIAL_RECORDS, Math.max(500, seconds * 2000));
  }

  /** Runs each variant once and returns the throughput of the first. */
  private double runTrial(List<Variant> variants, Filled filled) throws Exception {
    double rate = run(variants.get(0), filled).recordsPerSecond();
    for (Variant other : variants.subList(1, variants.size())) {
      run(other, filled);
    }
    return rate;
  }

  /** A topic filled with records. */
  record Filled(String topic, int partitions, int records) {
    /**
     * Limits the query to this topic: a group commits on many, and the query uses the same cores.
     */
    ListConsumerGroupOffsetsSpec offsetsSpec() {
      return new ListConsumerGroupOffsetsSpec()
          .topicPartitions(
              IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList());
    }
  }

  /**
   * Runs a variant once, in topics that are deleted afterwards.
   *
   * @throws IllegalStateException if it stalls, or a record does not have exactly one prediction
   */
  Measured run(Variant variant, Filled records) throws Exception {
    String group = "bench-%d-%s".formatted(++runs, variant.name());
    TopicNames names = arena.open(records.topic(), group);
    try (Admin admin = Admin.create(arena.kafka())) {
      System.gc(); // collect garbage of the previous run before this one
      Committed committed = new Committed(admin, group, records);
      Meter.Reading from = Meter.read();
      long first;
      Meter.Reading until;
      try (AutoCloseable running =
          variant.start(Topics.of(names), group, arena.scratch().resolve(group), arena.kafka())) {
        first = committed.await((long) (records.records() * WARM_UP));
        if (first < records.records()) {
          from = Meter.read();
        } else {
          first = 0; // all records in one commit: measure from the start
        }
        committed.await(records.records());
        until = Meter.read();
      }
      List<String> labels =
          Predictions.read(arena.kafka(), names.predictions(), arena.backlog(), records.records());
      arena.close(group);
      return Measured.between(from, until, records.records() - first, labels);
    }
  }

  /** The number of records of a topic that a group has committed. */
  private record Committed(Admin admin, String group, Filled records) implements Progress.Count {
    long await(long wanted) throws Exception {
      return Progress.await(group + " records committed", wanted, this);
    }

    /** Longer, because client and broker use the cores of the variant. */
    @Override
    public Duration pause() {
      return Duration.ofMillis(50);
    }

    @Override
    public long now() throws InterruptedException, ExecutionException {
      try {
        Map<TopicPartition, OffsetAndMetadata> offsets =
            admin
                .listConsumerGroupOffsets(Map.of(group, records.offsetsSpec()))
                .partitionsToOffsetAndMetadata(group)
                .get();
        return offsets.values().stream()
            .filter(offset -> offset != null) // no commit on this partition yet
            .mapToLong(OffsetAndMetadata::offset)
            .sum();
      } catch (ExecutionException e) {
        if (e.getCause() instanceof GroupIdNotFoundException) {
          return 0;
        }
        throw e;
      }
    }
  }
}

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
 * How fast a contestant works off a topic that was filled beforehand. What counts is what it has
 * committed: under exactly-once the group's offsets and the predictions become visible together, so
 * the offsets tell how many predictions there are without anybody reading them meanwhile.
 */
final class Drain {
  /** Of the records, before what is measured: code is compiled, and batches are full, by then. */
  static final double WARM_UP = 0.2;

  private static final int TRIAL_RECORDS = 10_000;
  private static final int TRIALS = 6;
  private static final double ENOUGH = 1.15;

  private final Arena arena;
  private int runs;
  private int trials;

  Drain(Arena arena) {
    this.arena = arena;
  }

  /** Fills a new topic with the backlog's first records. */
  Filled fill(String name, int records) throws Exception {
    arena.open(name, name);
    arena.close(name); // all but the records: nobody runs under this name
    arena.backlog().produce(name, records, arena.kafka());
    return new Filled(name, arena.backlog().partitions(), records);
  }

  /**
   * Trials of each, which compile what they run, until one had records for so many seconds of the
   * first of them as it runs by then.
   */
  Filled trials(double seconds, List<Contestant> tried) throws Exception {
    String name = "trial" + ++trials + "-";
    Filled filled = fill(name + 0, trial(seconds));
    int wanted = (int) (trialled(tried, filled) * seconds);
    for (int trial = 1; trial < TRIALS && wanted > ENOUGH * filled.records(); trial++) {
      filled = fill(name + trial, wanted);
      wanted = (int) (trialled(tried, filled) * seconds);
    }
    return filled;
  }

  /** Records of a trial, before rounds of so many seconds. */
  static int trial(double seconds) {
    return (int) Math.min(TRIAL_RECORDS, Math.max(500, seconds * 2000));
  }

  /** Runs each, and tells the first one's rate. */
  private double trialled(List<Contestant> tried, Filled filled) throws Exception {
    double rate = run(tried.get(0), filled).recordsPerSecond();
    for (Contestant other : tried.subList(1, tried.size())) {
      run(other, filled);
    }
    return rate;
  }

  /** A topic of so many records. */
  record Filled(String topic, int partitions, int records) {
    /** Of this topic only: a group has commits on many, and whoever asks shares the cores. */
    ListConsumerGroupOffsetsSpec asked() {
      return new ListConsumerGroupOffsetsSpec()
          .topicPartitions(
              IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList());
    }
  }

  /**
   * One run in topics of its own, which are gone afterwards.
   *
   * @throws IllegalStateException if it stalls, or predicts a record twice or not at all
   */
  Measured run(Contestant contestant, Filled records) throws Exception {
    String group = "bench-%d-%s".formatted(++runs, contestant.name());
    TopicNames names = arena.open(records.topic(), group);
    try (Admin admin = Admin.create(arena.kafka())) {
      System.gc(); // what the one before left is not this one's to collect
      Committed committed = new Committed(admin, group, records);
      Meter.Reading from = Meter.read();
      long first;
      Meter.Reading until;
      try (AutoCloseable running =
          contestant.start(
              Topics.of(names), group, arena.scratch().resolve(group), arena.kafka())) {
        first = committed.await((long) (records.records() * WARM_UP));
        if (first < records.records()) {
          from = Meter.read();
        } else {
          first = 0; // all in one commit: the start counts, for there is nothing else to measure
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

  /** How many records of a topic a group has committed. */
  private record Committed(Admin admin, String group, Filled records) implements Progress.Count {
    long await(long wanted) throws Exception {
      return Progress.await(group + " commits records", wanted, this);
    }

    /** Client and broker answer on the contestant's cores. */
    @Override
    public Duration pause() {
      return Duration.ofMillis(50);
    }

    @Override
    public long now() throws InterruptedException, ExecutionException {
      try {
        Map<TopicPartition, OffsetAndMetadata> offsets =
            admin
                .listConsumerGroupOffsets(Map.of(group, records.asked()))
                .partitionsToOffsetAndMetadata(group)
                .get();
        return offsets.values().stream()
            .filter(offset -> offset != null) // nothing committed there yet
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

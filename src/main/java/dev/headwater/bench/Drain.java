package dev.headwater.bench;

import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;

/**
 * How fast a contestant works off a topic that was filled beforehand. What counts is what it has
 * committed: under exactly-once the group's offsets and the predictions become visible together, so
 * the offsets tell how many predictions there are without anybody reading them meanwhile.
 */
final class Drain {
  private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final long STALL_NANOS = Duration.ofMinutes(2).toNanos();

  /** Of the records, before what is measured: code is compiled, and batches are full, by then. */
  private static final double WARM_UP = 0.2;

  private final Arena arena;
  private int runs;

  Drain(Arena arena) {
    this.arena = arena;
  }

  /** Fills a new topic with the backlog's first records. */
  Filled fill(String name, int records) throws Exception {
    arena.open(name, name);
    arena.backlog().produce(name, records, arena.kafka());
    return new Filled(name, records);
  }

  /** A topic of so many records. */
  record Filled(String topic, int records) {}

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
      Progress progress = new Progress(admin, group, records);
      Meter.Reading from;
      long first;
      Meter.Reading until;
      try (AutoCloseable running =
          contestant.start(
              Topics.of(names), group, arena.scratch().resolve(group), arena.kafka())) {
        first = progress.await((long) (records.records() * WARM_UP));
        from = Meter.read();
        progress.await(records.records());
        until = Meter.read();
      }
      List<String> labels =
          Predictions.read(arena.kafka(), names.predictions(), arena.backlog(), records.records());
      arena.close(group);
      return Measured.between(from, until, records.records() - first, labels);
    }
  }

  /** How many records of a topic a group has committed. */
  private record Progress(Admin admin, String group, Filled records) {
    /** The first count seen that is as much. */
    long await(long wanted) throws InterruptedException, ExecutionException {
      long seen = -1;
      long stalled = System.nanoTime() + STALL_NANOS;
      long now = committed();
      for (; now < wanted; now = committed()) {
        if (now > seen) {
          seen = now;
          stalled = System.nanoTime() + STALL_NANOS;
        } else if (System.nanoTime() > stalled) {
          throw new IllegalStateException(
              "%s committed no record for %d s, after %,d of %,d"
                  .formatted(
                      group, TimeUnit.NANOSECONDS.toSeconds(STALL_NANOS), seen, records.records()));
        }
        LockSupport.parkNanos(SAMPLE_NANOS);
      }
      return now;
    }

    private long committed() throws InterruptedException, ExecutionException {
      try {
        Map<TopicPartition, OffsetAndMetadata> offsets =
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        return offsets.entrySet().stream()
            .filter(entry -> entry.getKey().topic().equals(records.topic()))
            .filter(entry -> entry.getValue() != null)
            .mapToLong(entry -> entry.getValue().offset())
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

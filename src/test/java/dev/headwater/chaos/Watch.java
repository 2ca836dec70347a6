package dev.headwater.chaos;

import dev.headwater.schema.Prediction;
import dev.headwater.stream.Deployment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** A read_committed reader beside the run, which tells when it goes on after a fault. */
final class Watch implements AutoCloseable {
  private final KafkaConsumer<byte[], Prediction> consumer;
  private final ExecutorService thread = Executors.newSingleThreadExecutor();
  private final Future<?> reading;
  private final Map<Integer, Integer> latest = new ConcurrentHashMap<>();
  private volatile boolean closed;
  private volatile Mark mark;

  /** That records sent from {@code turn} on are committed, of every partition known by then. */
  final class Mark {
    private final int turn;
    private final long since;
    private volatile double seconds = -1;

    private Mark(int turn, long since) {
      this.turn = turn;
      this.since = since;
    }

    private void look() {
      if (seconds < 0 && past(turn)) {
        seconds = (System.nanoTime() - since) / 1e9;
      }
    }

    boolean reached() {
      failures();
      return seconds >= 0;
    }

    double seconds() {
      return seconds;
    }
  }

  Watch(Deployment on) {
    consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers",
                on.kafka.get("bootstrap.servers"),
                "isolation.level",
                "read_committed"),
            on.topics.predictions().key().deserializer(),
            on.topics.predictions().value().deserializer());
    List<TopicPartition> partitions =
        consumer.partitionsFor(on.names.predictions()).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    reading = thread.submit(this::read);
  }

  private void read() {
    try (consumer) {
      while (!closed) {
        consumer
            .poll(Duration.ofMillis(50))
            .forEach(
                r ->
                    latest.merge(
                        r.value().source().partition(),
                        Load.turn(r.value().recordId()),
                        Math::max));
        Mark now = mark;
        if (now != null) {
          now.look();
        }
      }
    }
  }

  /** From now, and from this turn of the load on. */
  Mark mark(int turn) {
    return mark = new Mark(turn, System.nanoTime());
  }

  /** Whether records sent from this turn on are committed, of all these partitions at least. */
  boolean past(int turn, int partitions) {
    failures();
    return latest.size() >= partitions && past(turn);
  }

  private boolean past(int turn) {
    return latest.values().stream().allMatch(last -> last >= turn);
  }

  private void failures() {
    if (reading.isDone()) {
      try {
        reading.get();
      } catch (InterruptedException | ExecutionException e) {
        throw new IllegalStateException("the reader of predictions ended", e);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.shutdown();
  }
}

package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.metrics.Percentile;
import dev.headwater.replay.traffic.Worker;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;

/**
 * Headwater at a constant rate of records. The latency of a record is from the time it was due to
 * be sent until a read_committed consumer receives its prediction. The due time is used even if
 * sending is late, so that a stall affects every record due in it. Producer and consumer are in
 * this JVM.
 */
final class Paced {
  private static final Duration POLL = Duration.ofMillis(20);
  private static final long TICK_NANOS = TimeUnit.MICROSECONDS.toNanos(500);
  private static final double WARM_UP_SECONDS = 3;

  private final Arena arena;
  private final Headwater headwater;
  private int runs;

  Paced(Arena arena, Headwater headwater) {
    this.arena = arena;
    this.headwater = headwater;
  }

  /** A head, and the second of the measured time at which it is published. */
  record Publication(double second, Head head) {}

  /**
   * The result of one run.
   *
   * @param latencies latency by record in milliseconds, without the warm-up
   * @param rate records per second
   * @param publishToLiveMillis time by head from its publication until it is live on every instance
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Timings(double[] latencies, double rate, List<Double> publishToLiveMillis) {

    /**
     * Returns a latency percentile.
     *
     * @param share share of the records that are not slower, in (0, 1]
     */
    double percentile(double share) {
      return percentile(latencies.clone(), share);
    }

    /** Returns a percentile of the records due between two seconds of the measured time. */
    double percentile(double share, double from, double to) {
      int end = Math.min(latencies.length, (int) (to * rate));
      return percentile(Arrays.copyOfRange(latencies, (int) (from * rate), end), share);
    }

    private static double percentile(double[] copy, double share) {
      Arrays.sort(copy);
      return Percentile.of(copy, share);
    }
  }

  /**
   * Runs Headwater at a constant rate.
   *
   * @param instances instances of the group, all in this JVM
   * @param rate records per second
   * @param seconds measured time after the warm-up
   * @param publications heads to publish, in ascending order of their second
   */
  Timings run(int instances, double rate, double seconds, List<Publication> publications)
      throws Exception {
    String group = "paced-" + ++runs;
    TopicNames names = arena.open(group + "-records", group);
    int records = (int) Math.ceil(rate * (WARM_UP_SECONDS + seconds));
    long[] latencies = new long[records];
    Arrival arrival = new Arrival(names.predictions(), latencies, rate);
    List<Double> live = new ArrayList<>();
    Topics topics = Topics.of(names);
    try (Instances members = new Instances(headwater, arena, topics, group);
        HeadPublisher publisher =
            new HeadPublisher(
                arena.kafka(), topics.heads(), group + "-publisher", HeadSettings.DEFAULT)) {
      publisher.read();
      members.start(instances);
      Swaps swaps = new Swaps(publisher, members, publications, arrival, live);
      try (Worker reading = Worker.start("reader", arrival);
          Worker swapping = Worker.start("swaps", swaps)) {
        send(names.records().get(0), records, arrival);
        Progress.await(group + " predicts records", records, () -> arrival.seen(reading));
        swapping.close();
        swapping.check();
      }
    }
    arena.close(group);
    int warm = (int) (rate * WARM_UP_SECONDS);
    return new Timings(
        Arrays.stream(latencies, warm, records).mapToDouble(nanos -> nanos / 1e6).toArray(),
        rate,
        live);
  }

  private void send(String topic, int records, Arrival arrival)
      throws IOException, InterruptedException {
    try (Producer<byte[], byte[]> producer = Backlog.producer(arena.kafka())) {
      arrival.start = System.nanoTime();
      for (int i = 0; i < records; i++) {
        for (long wait = arrival.due(i) - System.nanoTime();
            wait > 0;
            wait = arrival.due(i) - System.nanoTime()) {
          LockSupport.parkNanos(wait);
          if (Thread.interrupted()) {
            throw new InterruptedException();
          }
        }
        producer.send(arena.backlog().record(topic, i));
      }
    }
  }

  /** Reads predictions and records their latencies. */
  private final class Arrival implements Worker.Body {
    private final String topic;
    private final long[] latencies;
    private final double rate;
    private final AtomicInteger seen = new AtomicInteger();
    private volatile long start = Long.MAX_VALUE;

    Arrival(String topic, long[] latencies, double rate) {
      this.topic = topic;
      this.latencies = latencies;
      this.rate = rate;
    }

    /** Returns the time at which a record is due to be sent. */
    long due(int index) {
      return start + (long) (index * 1e9 / rate);
    }

    /** Returns the number of predictions read. */
    long seen(Worker reading) {
      reading.check();
      return seen.get();
    }

    boolean hasStarted() {
      return start != Long.MAX_VALUE;
    }

    @Override
    public void run(BooleanSupplier running) throws IOException {
      try (Consumer<byte[], byte[]> consumer = Predictions.consumer(arena.kafka(), topic)) {
        while (running.getAsBoolean() && seen.get() < latencies.length) {
          for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
            JsonNode source = Json.MAPPER.readTree(record.value()).path("source");
            int index =
                arena
                    .backlog()
                    .index(source.path("partition").asInt(), source.path("offset").asLong());
            latencies[index] = System.nanoTime() - due(index);
            seen.incrementAndGet();
          }
        }
      }
    }
  }

  /** Publishes heads when due and records when each is live on all instances. */
  private record Swaps(
      HeadPublisher publisher,
      Instances members,
      List<Publication> publications,
      Arrival arrival,
      List<Double> publishToLiveMillis)
      implements Worker.Body {

    @Override
    public void run(BooleanSupplier running) {
      for (Publication publication : publications) {
        Head next = publication.head();
        long delay = (long) ((WARM_UP_SECONDS + publication.second()) * 1e9);
        while (!arrival.hasStarted() || System.nanoTime() < arrival.start + delay) {
          if (!running.getAsBoolean()) {
            return;
          }
          LockSupport.parkNanos(TICK_NANOS);
        }
        long published = System.nanoTime();
        Worker publishing = Worker.start("publisher", open -> publisher.promote(next, "bench"));
        while (!members.live(next)) {
          publishing.check();
          if (!running.getAsBoolean()) {
            throw new IllegalStateException(
                "a published head was not live on all instances at the end of the run");
          }
          LockSupport.parkNanos(TICK_NANOS);
        }
        publishToLiveMillis.add((System.nanoTime() - published) / 1e6);
        publishing.close();
      }
    }
  }
}

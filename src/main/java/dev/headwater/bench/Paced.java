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
 * Headwater under records that come at a steady rate. A record's latency is from the moment it was
 * due to be sent, whether or not it was (a stall costs every record that was due in it), to a
 * read_committed consumer's seeing its prediction; producer and consumer are in this JVM.
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

  /** A head that is published so many seconds into what is measured. */
  record Publication(double second, Head head) {}

  /**
   * One run.
   *
   * @param latencies milliseconds, by record, without those of the warm-up
   * @param rate records a second
   * @param publishToLiveMillis of each head from the call that publishes it to its being live on
   *     every instance
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Timings(double[] latencies, double rate, List<Double> publishToLiveMillis) {

    /**
     * @param share of the records that were no slower, in (0, 1]
     */
    double percentile(double share) {
      return percentile(latencies.clone(), share);
    }

    /** Of the records that were due from one second to another. */
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
   * One run.
   *
   * @param instances of one group that share the records, all in this JVM
   * @param rate records a second
   * @param seconds that are measured, after those to warm up
   * @param publications in the order of their seconds
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

  /** Reads predictions, and notes how late they are. */
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

    /** When a record is to be sent. */
    long due(int index) {
      return start + (long) (index * 1e9 / rate);
    }

    /** How many predictions were read. */
    long seen(Worker reading) {
      reading.check();
      return seen.get();
    }

    boolean begun() {
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

  /** Publishes heads when they are due, and notes when each serves everywhere. */
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
        while (!arrival.begun() || System.nanoTime() < arrival.start + delay) {
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
            throw new IllegalStateException("a head was not live everywhere by the end of the run");
          }
          LockSupport.parkNanos(TICK_NANOS);
        }
        publishToLiveMillis.add((System.nanoTime() - published) / 1e6);
        publishing.close();
      }
    }
  }
}

package dev.headwater.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.stream.Deployment;
import dev.headwater.stream.Guarantee.Sent;
import dev.headwater.stream.HeadwaterProcess;
import dev.headwater.stream.selection.Selection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Records at a steady rate, under keys drawn at random, one in a hundred poison; a label for each
 * audited one, before it, right behind it, or seconds later, told by its first number in a way that
 * changes. Remembers all of it.
 */
final class Load implements AutoCloseable {
  /** Records a second. */
  static final int RATE = 200;

  private static final Duration TICK = Duration.ofMillis(50);
  private static final Duration LATE = Duration.ofSeconds(4);
  private static final int KEYS = 64;
  private static final int LABELS = 3;

  /** Records after which every label means another thing. */
  private static final int TURN = 10 * RATE;

  private static final int POISON_EVERY = 101;

  /** Longer than any outage lasts. */
  private static final int OUTAGE_MS = 600_000;

  private static final Selection AUDIT = new Selection(HeadwaterProcess.AUDIT_SHARE, 0);

  private final Deployment on;
  private final Random random;
  private final KafkaProducer<byte[], byte[]> producer;
  private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
  private final Queue<Exception> failures = new ConcurrentLinkedQueue<>();
  private final List<Sent> sent = new ArrayList<>();
  private final Map<String, String> labelled = new HashMap<>();
  private volatile int count;
  private ScheduledFuture<?> sending;

  Load(Deployment on, long seed) {
    this.on = on;
    this.random = new Random(seed);
    producer =
        new KafkaProducer<>(
            Map.of(
                "bootstrap.servers",
                on.kafka.get("bootstrap.servers"),
                "metadata.max.age.ms",
                1_000,
                "max.request.size",
                2 << 20,
                "delivery.timeout.ms",
                OUTAGE_MS,
                "max.block.ms",
                OUTAGE_MS,
                "metadata.recovery.strategy", // keeps what it knows while no broker is up
                "none"),
            new ByteArraySerializer(),
            new ByteArraySerializer());
  }

  void start() {
    sending = clock.scheduleAtFixedRate(this::tick, 0, TICK.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void tick() {
    for (int i = 0; i < RATE * TICK.toMillis() / 1_000; i++) {
      boolean valid = sent() % POISON_EVERY != POISON_EVERY - 1;
      send(key(), valid, null);
    }
  }

  private synchronized String key() {
    return "k" + random.nextInt(KEYS);
  }

  /** How many records by now, and so the turn of the next; told while one is waited with, too. */
  int sent() {
    return count;
  }

  /** Which record of all this is, counted from 0. */
  static int turn(String recordId) {
    return Integer.parseInt(recordId.substring(1));
  }

  /**
   * One more record.
   *
   * @param timestamp null for now
   */
  synchronized void send(String key, boolean valid, Long timestamp) {
    send(key, valid, valid, timestamp);
  }

  /** One that would be valid, were what is said of it not too large for its topic. */
  synchronized void sendOversized(String key) {
    send(key, true, false, null);
  }

  private void send(String key, boolean sound, boolean valid, Long timestamp) {
    String id = "r" + sent.size();
    boolean wanted = valid && AUDIT.audits(id);
    int when = wanted ? random.nextInt(3) : -1;
    float first = random.nextFloat();
    String label = "label-" + ((int) (LABELS * first) + sent.size() / TURN) % LABELS;
    if (when == 0) {
      label(id, label);
    }
    Header[] headers = {new RecordHeader("headwater-record-id", id.getBytes(UTF_8))};
    producer.send(
        new ProducerRecord<>(
            on.names.records().get(0),
            null,
            timestamp,
            key.getBytes(UTF_8),
            sound ? sound(id, first) : poison(),
            List.of(headers)),
        this::acknowledged);
    sent.add(new Sent(id, key, valid));
    count = sent.size();
    if (when == 1) {
      label(id, label);
    } else if (when == 2) {
      long later = 1 + random.nextInt((int) LATE.toMillis());
      clock.schedule(() -> label(id, label), later, TimeUnit.MILLISECONDS);
    }
    if (wanted) {
      labelled.put(id, label);
    }
  }

  /** A label, whether there is such a record or not. */
  void label(String recordId, String label) {
    byte[] value =
        "{\"recordId\": \"%s\", \"task\": \"kind\", \"label\": \"%s\"}"
            .formatted(recordId, label)
            .getBytes(UTF_8);
    producer.send(new ProducerRecord<>(on.names.labels(), value), this::acknowledged);
  }

  private byte[] sound(String id, float first) {
    return "{\"id\": \"%s\", \"x\": [%s, %s, 0, 1]}"
        .formatted(id, first, random.nextFloat())
        .getBytes(UTF_8);
  }

  private byte[] poison() {
    return switch (random.nextInt(5)) {
      case 0 -> null;
      case 1 -> new byte[0];
      case 2 -> "{\"id\": \"p\", \"x\": [1, 2".getBytes(UTF_8);
      case 3 -> "{\"id\": \"p\", \"x\": [1, 2, 3]}".getBytes(UTF_8);
      default -> "{\"id\": \"p\", \"x\": [1, NaN, 3, 4]}".getBytes(UTF_8);
    };
  }

  private void acknowledged(Object metadata, Exception failure) {
    if (failure != null) {
      failures.add(failure);
    }
  }

  /** Waits until all sent so far is acknowledged. */
  void flush() {
    producer.flush();
  }

  /** Sends the labels that are still to come, and nothing after. */
  void stop() throws InterruptedException {
    sending.cancel(false);
    clock.shutdown();
    if (!clock.awaitTermination(Deployment.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("the load does not end: is the broker away?");
    }
    flush();
    try {
      if (!sending.isCancelled()) {
        sending.get(); // throws what ended it
      }
    } catch (ExecutionException e) {
      failures.add(e);
    }
    if (!failures.isEmpty()) {
      throw new IllegalStateException(
          "the load failed %d times, first of %s".formatted(failures.size(), failures.peek()),
          failures.peek());
    }
  }

  synchronized List<Sent> everything() {
    return List.copyOf(sent);
  }

  /** What was said of each record that is to be a sample. */
  synchronized Map<String, String> labelled() {
    return Map.copyOf(labelled);
  }

  @Override
  public void close() {
    clock.shutdownNow();
    producer.close(Duration.ZERO);
  }
}

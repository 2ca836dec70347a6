package dev.headwater.replay.traffic;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.replay.report.Tally;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.ReviewItem;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/**
 * A simulated annotator. It answers each label request once with the ground truth, after a fixed
 * delay. Requests that are not due when it stops, or whose ground truth is unknown, stay
 * unanswered.
 */
public final class Labeller implements Worker.Body {
  private static final Duration POLL = Duration.ofMillis(50);

  private final LabelledStream stream;
  private final RunTopics topics;
  private final long delayNanos;
  private final Tally tally;
  private final Map<String, BitSet> requestedByTask = new HashMap<>();
  private final Queue<PendingLabel> pending = new ArrayDeque<>();
  private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

  private record PendingLabel(Label label, long due) {}

  public Labeller(LabelledStream stream, RunTopics topics, Duration delay, Tally tally) {
    this.stream = stream;
    this.topics = topics;
    this.delayNanos = delay.toNanos();
    this.tally = tally;
  }

  @Override
  public void run(BooleanSupplier running) throws Exception {
    try (Consumer<byte[], byte[]> review = topics.reader(topics.topics().review().name());
        Producer<byte[], byte[]> producer = topics.producer()) {
      while (running.getAsBoolean()) {
        for (ConsumerRecord<byte[], byte[]> item : review.poll(untilDue())) {
          enqueue(item);
        }
        sendDue(producer);
        Exception failed = failure.get();
        if (failed != null) {
          throw failed;
        }
      }
    }
  }

  private Duration untilDue() {
    PendingLabel next = pending.peek();
    if (next == null) {
      return POLL;
    }
    long nanos = Math.max(0, next.due() - System.nanoTime());
    return nanos < POLL.toNanos() ? Duration.ofNanos(nanos) : POLL;
  }

  private void enqueue(ConsumerRecord<byte[], byte[]> record) {
    ReviewItem item =
        topics.topics().review().value().deserializer().deserialize(record.topic(), record.value());
    int index = topics.indexOf(item.source());
    String truth = index < 0 ? null : stream.truth(item.task(), index);
    BitSet requested = requestedByTask.computeIfAbsent(item.task(), task -> new BitSet());
    if (truth != null && !requested.get(index)) {
      requested.set(index);
      Label label = new Label(item.recordId(), item.task(), truth);
      pending.add(new PendingLabel(label, System.nanoTime() + delayNanos));
    }
  }

  private void sendDue(Producer<byte[], byte[]> producer) throws IOException {
    for (PendingLabel next = pending.peek();
        next != null && next.due() - System.nanoTime() <= 0;
        next = pending.peek()) {
      PendingLabel due = pending.remove();
      producer.send(
          new ProducerRecord<>(
              topics.topics().labels().name(),
              due.label().recordId().getBytes(UTF_8),
              Json.MAPPER.writeValueAsBytes(due.label())),
          (sent, e) -> acknowledged(due, e));
    }
  }

  private void acknowledged(PendingLabel due, @Nullable Exception e) {
    if (e == null) {
      tally.delivered(due.label().task(), due.label().recordId());
    } else {
      failure.compareAndSet(
          null,
          new IOException(
              "cannot send the label of record %s: %s"
                  .formatted(due.label().recordId(), e.getMessage()),
              e));
    }
  }
}

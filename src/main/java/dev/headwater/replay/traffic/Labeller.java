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
 * The annotator: reads what was sent to review and answers each record once with its truth, a fixed
 * time after it asked. What is not due when it is told to stop is never answered, and a record
 * whose truth the stream does not tell neither.
 */
public final class Labeller implements Worker.Body {
  private static final Duration POLL = Duration.ofMillis(50);

  private final LabelledStream stream;
  private final RunTopics topics;
  private final long delayNanos;
  private final Tally tally;
  private final Map<String, BitSet> asked = new HashMap<>();
  private final Queue<Answer> answers = new ArrayDeque<>();
  private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

  private record Answer(Label label, long due) {}

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
          ask(item);
        }
        answerDue(producer);
        Exception failed = failure.get();
        if (failed != null) {
          throw failed;
        }
      }
    }
  }

  private Duration untilDue() {
    Answer next = answers.peek();
    if (next == null) {
      return POLL;
    }
    long nanos = Math.max(0, next.due() - System.nanoTime());
    return nanos < POLL.toNanos() ? Duration.ofNanos(nanos) : POLL;
  }

  private void ask(ConsumerRecord<byte[], byte[]> record) {
    ReviewItem item =
        topics.topics().review().value().deserializer().deserialize(record.topic(), record.value());
    int index = topics.indexOf(item.source());
    String truth = index < 0 ? null : stream.truth(item.task(), index);
    BitSet before = asked.computeIfAbsent(item.task(), task -> new BitSet());
    if (truth != null && !before.get(index)) {
      before.set(index);
      Label label = new Label(item.recordId(), item.task(), truth);
      answers.add(new Answer(label, System.nanoTime() + delayNanos));
    }
  }

  private void answerDue(Producer<byte[], byte[]> producer) throws IOException {
    for (Answer next = answers.peek();
        next != null && next.due() - System.nanoTime() <= 0;
        next = answers.peek()) {
      Answer answer = answers.remove();
      producer.send(
          new ProducerRecord<>(
              topics.topics().labels().name(),
              answer.label().recordId().getBytes(UTF_8),
              Json.MAPPER.writeValueAsBytes(answer.label())),
          (sent, e) -> acknowledged(answer, e));
    }
  }

  private void acknowledged(Answer answer, @Nullable Exception e) {
    if (e == null) {
      tally.delivered(answer.label().task(), answer.label().recordId());
    } else {
      failure.compareAndSet(
          null,
          new IOException(
              "the label of record %s cannot be sent: %s"
                  .formatted(answer.label().recordId(), e.getMessage()),
              e));
    }
  }
}

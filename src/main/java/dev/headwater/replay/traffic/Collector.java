package dev.headwater.replay.traffic;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.replay.report.Dump;
import dev.headwater.replay.report.Tally;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topics;
import dev.headwater.stream.guard.DeadLetter;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/**
 * Reads the committed outputs of the pipeline into the tally and the dump. When stopped, it first
 * reads to the end of the topics.
 */
public final class Collector implements Worker.Body {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration TIMEOUT = Duration.ofMinutes(1);

  private final RunTopics topics;
  private final Tally tally;
  private final Optional<Path> dump;
  private final Supplier<List<HeadInfo>> candidates;

  /**
   * Creates a collector.
   *
   * @param candidates returns every version on the heads topic; called when it has new records
   */
  public Collector(
      RunTopics topics, Tally tally, Optional<Path> dump, Supplier<List<HeadInfo>> candidates) {
    this.topics = topics;
    this.tally = tally;
    this.dump = dump;
    this.candidates = candidates;
  }

  @Override
  public void run(BooleanSupplier running) throws Exception {
    Topics all = topics.topics();
    try (Dump files = new Dump(dump);
        Consumer<byte[], byte[]> consumer =
            topics.reader(
                all.predictions().name(),
                all.deadLetters().name(),
                all.samples().name(),
                all.heads().name())) {
      while (running.getAsBoolean()) {
        read(consumer, files);
      }
      readToEnd(consumer, files);
    }
  }

  private void readToEnd(Consumer<byte[], byte[]> consumer, Dump files) throws IOException {
    Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
    long lastProgress = System.nanoTime();
    while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
      if (read(consumer, files)) {
        lastProgress = System.nanoTime();
      } else if (System.nanoTime() - lastProgress > TIMEOUT.toNanos()) {
        throw new IOException(
            "no data from the broker for %d s before the end of the output topics"
                .formatted(TIMEOUT.toSeconds()));
      }
    }
  }

  /** Polls once; returns whether there were records. */
  private boolean read(Consumer<byte[], byte[]> consumer, Dump files) throws IOException {
    boolean heads = false;
    ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
    for (ConsumerRecord<byte[], byte[]> record : records) {
      heads |= record.topic().equals(topics.topics().heads().name());
      collect(record, files);
    }
    if (heads) {
      candidates.get().forEach(tally::judged);
    }
    return !records.isEmpty();
  }

  private void collect(ConsumerRecord<byte[], byte[]> record, Dump files) throws IOException {
    Topics all = topics.topics();
    if (record.topic().equals(all.predictions().name())) {
      Prediction prediction =
          all.predictions().value().deserializer().deserialize(record.topic(), record.value());
      files.prediction(record.value());
      tally.predicted(
          indexOf(prediction.source()),
          prediction,
          System.currentTimeMillis() - record.timestamp());
    } else if (record.topic().equals(all.deadLetters().name())) {
      deadLetter(record, files);
    } else if (record.topic().equals(all.samples().name())) {
      Sample sample =
          all.samples().value().deserializer().deserialize(record.topic(), record.value());
      files.sample(sample);
      // labelled history precedes the replay
      if (sample.getLabel() != null && sample.getReason() != Reason.HISTORY) {
        tally.sampled(sample.getTask(), sample.getRecordId(), sample.getReason());
      }
    }
  }

  private void deadLetter(ConsumerRecord<byte[], byte[]> record, Dump files) throws IOException {
    Dump.DeadLetter letter =
        new Dump.DeadLetter(
            header(record, DeadLetter.RECORD_ID_HEADER),
            new Source(
                required(record, "__streams.errors.topic"),
                Integer.parseInt(required(record, "__streams.errors.partition")),
                Long.parseLong(required(record, "__streams.errors.offset"))),
            header(record, DeadLetter.FIELD_HEADER),
            header(record, "__streams.errors.exception"),
            header(record, "__streams.errors.message"));
    files.deadLetter(letter);
    if (letter.source().topic().equals(topics.records())) { // labels have dead letters too
      tally.deadLettered(topics.indexOf(letter.source()));
    }
  }

  private int indexOf(Source source) {
    int index = topics.indexOf(source);
    if (index < 0) {
      throw new IllegalStateException("prediction for an unknown record of this replay: " + source);
    }
    return index;
  }

  private static String required(ConsumerRecord<byte[], byte[]> letter, String name) {
    String value = header(letter, name);
    if (value == null) {
      throw new IllegalStateException(
          "missing header %s in the dead letter at offset %d".formatted(name, letter.offset()));
    }
    return value;
  }

  private static @Nullable String header(ConsumerRecord<byte[], byte[]> record, String name) {
    Header header = record.headers().lastHeader(name);
    return header == null || header.value() == null ? null : new String(header.value(), UTF_8);
  }
}

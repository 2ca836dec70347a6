package dev.headwater.stream.labels;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Label;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import dev.headwater.stream.guard.DeadLetter;
import dev.headwater.stream.guard.Outbox;
import dev.headwater.stream.guard.TraceContext;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;

/**
 * Joins records that wait for a label with labels, by record id, whichever comes first. A match
 * emits the labelled sample; a later label for the same record corrects it and emits again, which
 * the trainer upserts. Both sides expire by wall clock, also while nothing arrives. A DSL stream
 * join would emit once per pair, hold matched features for twice the window and never expire on an
 * idle stream.
 *
 * <p>A sample carries the trace context of whichever came last, its record or its label.
 *
 * <p>A tombstone erases what is held of a record, for every task, and goes on to all who hold more
 * of it: the readers of samples and of review. It is remembered for as long as a record waits: of a
 * join that lags it may be read before the record that it erases, which then comes too late.
 */
final class JoinProcessor implements Processor<String, Object, byte[], byte[]> {
  /** The task, which no task is named, under which is kept when a tombstone was appended. */
  private static final String ERASED = "";

  private final LabelTopology settings;

  @SuppressWarnings("NullAway.Init") // by init, which Streams calls first
  private ProcessorContext<byte[], byte[]> context;

  @SuppressWarnings("NullAway.Init")
  private TimestampedKeyValueStore<String, Sample> waiting;

  @SuppressWarnings("NullAway.Init")
  private TimestampedKeyValueStore<String, Label> early;

  JoinProcessor(LabelTopology settings) {
    this.settings = settings;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    waiting = context.getStateStore(LabelTopology.WAITING);
    early = context.getStateStore(LabelTopology.EARLY);
    Duration wait = settings.labelWait();
    Expiry<Sample> records = new Expiry<>(waiting, wait, sample -> {}, System::nanoTime);
    Expiry<Label> labels = new Expiry<>(early, wait, this::unmatched, System::nanoTime);
    Duration tick = wait.compareTo(Expiry.TICK) < 0 ? wait : Expiry.TICK;
    context.schedule(tick, PunctuationType.WALL_CLOCK_TIME, records::sweep);
    context.schedule(tick, PunctuationType.WALL_CLOCK_TIME, labels::sweep);
  }

  @Override
  public void process(Record<String, Object> record) {
    long now = context.currentSystemTimeMs();
    Headers trace = TraceContext.of(record.headers());
    if (record.value() instanceof Sample sample) {
      if (!erased(sample.getRecordId(), record.timestamp())) {
        pending(sample, now, trace);
      }
    } else if (record.value() instanceof Label label) {
      label(label, now, trace);
    } else {
      erase(record.key(), record.timestamp(), now, trace);
    }
  }

  /** Whether a tombstone that was appended later than this has been read before it. */
  private boolean erased(String recordId, long appended) {
    ValueAndTimestamp<Label> erasure = early.get(LabelTopology.storeKey(recordId, ERASED));
    return erasure != null && appended < Long.parseLong(erasure.value().label());
  }

  private void unmatched(Label label) {
    if (!label.task().equals(ERASED)) {
      settings.metrics().labelUnmatched();
    }
  }

  private void erase(String recordId, long appended, long now, Headers trace) {
    Outbox outbox = new Outbox(settings.limits());
    try {
      tombstone(
          outbox, LabelTopology.SAMPLES_SINK, settings.topics().samples(), recordId, now, trace);
      tombstone(
          outbox, LabelTopology.REVIEW_SINK, settings.topics().review(), recordId, now, trace);
    } catch (InvalidRecordException e) {
      throw new DeadLetter(e, recordId);
    }
    keysOf(waiting, recordId).forEach(waiting::delete);
    for (String key : keysOf(early, recordId)) {
      unmatched(early.delete(key).value()); // no record will come for it
    }
    // under its key alone: an id may be as long as a record, and its changelog has to take this
    Label at = new Label("", ERASED, Long.toString(appended));
    early.put(LabelTopology.storeKey(recordId, ERASED), ValueAndTimestamp.make(at, now));
    outbox.send(context);
  }

  private static <V> void tombstone(
      Outbox outbox, String sink, Topic<String, V> topic, String recordId, long now, Headers trace)
      throws InvalidRecordException {
    outbox.add(sink, topic, recordId, null, now, trace);
  }

  /** One for each task of the record. */
  private static <V> List<String> keysOf(
      TimestampedKeyValueStore<String, V> store, String recordId) {
    List<String> keys = new ArrayList<>();
    String prefix = LabelTopology.storeKey(recordId, "");
    try (KeyValueIterator<String, ValueAndTimestamp<V>> found =
        store.prefixScan(prefix, new StringSerializer())) {
      found.forEachRemaining(entry -> keys.add(entry.key));
    }
    // an id may hold what ends it here; a task does not
    keys.removeIf(key -> key.lastIndexOf('\0') != recordId.length());
    return keys;
  }

  private void pending(Sample sample, long now, Headers trace) {
    String key = LabelTopology.storeKey(sample.getRecordId(), sample.getTask());
    ValueAndTimestamp<Label> label = early.get(key);
    // also where a label is there: if both make too much for their topic, a correction may not
    waiting.put(key, ValueAndTimestamp.make(sample, now));
    if (label != null) {
      early.delete(key);
      // it waited for the record, not the record for it
      match(sample, now, label.value(), now, trace);
    }
  }

  private void label(Label label, long now, Headers trace) {
    String key = LabelTopology.storeKey(label.recordId(), label.task());
    ValueAndTimestamp<Sample> record = waiting.get(key);
    if (record != null) {
      match(record.value(), record.timestamp(), label, now, trace);
      return;
    }
    if (early.get(key) != null) {
      settings.metrics().labelUnmatched(); // the one it replaces
    }
    early.put(key, ValueAndTimestamp.make(label, now));
  }

  /** Emits, and keeps the record, marked as labelled, until its own time is up: for corrections. */
  private void match(Sample record, long since, Label label, long now, Headers trace) {
    Sample sample = LabelTopology.labelled(record, label, now);
    Outbox outbox = outbox(sample, now, trace);
    waiting.put(
        LabelTopology.storeKey(record.getRecordId(), record.getTask()),
        ValueAndTimestamp.make(sample, since));
    outbox.send(context);
    settings.metrics().labelMatched(Duration.ofMillis(Math.max(0, now - since)));
  }

  private Outbox outbox(Sample sample, long now, Headers trace) {
    String id = sample.getRecordId();
    try {
      Outbox outbox = new Outbox(settings.limits());
      outbox.add(LabelTopology.SAMPLES_SINK, settings.topics().samples(), id, sample, now, trace);
      outbox.requireKept();
      return outbox;
    } catch (InvalidRecordException e) {
      settings.metrics().labelDeadLettered();
      throw new DeadLetter(e, id);
    }
  }
}

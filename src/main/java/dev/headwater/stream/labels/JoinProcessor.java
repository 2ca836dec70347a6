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
 * Joins pending samples with labels by record id and task, in either order of arrival. A match
 * emits the labelled sample. A later label for the same record emits a corrected sample, which the
 * trainer upserts. Both sides expire by wall clock, even without input. A DSL stream join would
 * emit once per pair, keep matched features for twice the window and never expire on an idle
 * stream.
 *
 * <p>A sample carries the trace context of its record or its label, whichever arrived last.
 *
 * <p>A tombstone erases the state of a record for all tasks and is forwarded to the samples and
 * review topics. It is stored for the label wait: in a lagging join it may be read before the
 * record that it erases, which is then dropped.
 */
final class JoinProcessor implements Processor<String, Object, byte[], byte[]> {
  /** Task of the stored tombstones; task names are not empty. */
  private static final String ERASED = "";

  private final LabelTopology settings;

  @SuppressWarnings("NullAway.Init") // set by init, which Streams calls first
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
    Expiry<Label> labels = new Expiry<>(early, wait, this::recordUnmatched, System::nanoTime);
    Duration tick = wait.compareTo(Expiry.TICK) < 0 ? wait : Expiry.TICK;
    context.schedule(tick, PunctuationType.WALL_CLOCK_TIME, records::sweep);
    context.schedule(tick, PunctuationType.WALL_CLOCK_TIME, labels::sweep);
  }

  @Override
  public void process(Record<String, Object> record) {
    long now = context.currentSystemTimeMs();
    Headers trace = TraceContext.of(record.headers());
    if (record.value() instanceof Sample sample) {
      if (!isErased(sample.getRecordId(), record.timestamp())) {
        joinSample(sample, now, trace);
      }
    } else if (record.value() instanceof Label label) {
      joinLabel(label, now, trace);
    } else {
      erase(record.key(), record.timestamp(), now, trace);
    }
  }

  /** Returns whether a tombstone with a later timestamp was already read for this record. */
  private boolean isErased(String recordId, long timestamp) {
    ValueAndTimestamp<Label> tombstone = early.get(LabelTopology.storeKey(recordId, ERASED));
    return tombstone != null && timestamp < Long.parseLong(tombstone.value().label());
  }

  private void recordUnmatched(Label label) {
    if (!label.task().equals(ERASED)) {
      settings.metrics().labelUnmatched();
    }
  }

  private void erase(String recordId, long timestamp, long now, Headers trace) {
    Outbox outbox = new Outbox(settings.limits());
    try {
      addTombstone(
          outbox, LabelTopology.SAMPLES_SINK, settings.topics().samples(), recordId, now, trace);
      addTombstone(
          outbox, LabelTopology.REVIEW_SINK, settings.topics().review(), recordId, now, trace);
    } catch (InvalidRecordException e) {
      throw new DeadLetter(e, recordId);
    }
    keysOf(waiting, recordId).forEach(waiting::delete);
    for (String key : keysOf(early, recordId)) {
      recordUnmatched(early.delete(key).value());
    }
    // without the id in the value: an id may be as long as a record, and the changelog has a limit
    Label tombstone = new Label("", ERASED, Long.toString(timestamp));
    early.put(LabelTopology.storeKey(recordId, ERASED), ValueAndTimestamp.make(tombstone, now));
    outbox.send(context);
  }

  private static <V> void addTombstone(
      Outbox outbox, String sink, Topic<String, V> topic, String recordId, long now, Headers trace)
      throws InvalidRecordException {
    outbox.add(sink, topic, recordId, null, now, trace);
  }

  /** Returns the keys of all tasks of a record. */
  private static <V> List<String> keysOf(
      TimestampedKeyValueStore<String, V> store, String recordId) {
    List<String> keys = new ArrayList<>();
    String prefix = LabelTopology.storeKey(recordId, "");
    try (KeyValueIterator<String, ValueAndTimestamp<V>> found =
        store.prefixScan(prefix, new StringSerializer())) {
      found.forEachRemaining(entry -> keys.add(entry.key));
    }
    // an id may contain the separator; a task name cannot
    keys.removeIf(key -> key.lastIndexOf('\0') != recordId.length());
    return keys;
  }

  private void joinSample(Sample sample, long now, Headers trace) {
    String key = LabelTopology.storeKey(sample.getRecordId(), sample.getTask());
    ValueAndTimestamp<Label> label = early.get(key);
    // stored even with an early label: if the match is too large, a later label may still fit
    waiting.put(key, ValueAndTimestamp.make(sample, now));
    if (label != null) {
      early.delete(key);
      // the label delay is zero: the label was there first
      match(sample, now, label.value(), now, trace);
    }
  }

  private void joinLabel(Label label, long now, Headers trace) {
    String key = LabelTopology.storeKey(label.recordId(), label.task());
    ValueAndTimestamp<Sample> record = waiting.get(key);
    if (record != null) {
      match(record.value(), record.timestamp(), label, now, trace);
      return;
    }
    if (early.get(key) != null) {
      settings.metrics().labelUnmatched(); // the label that is replaced
    }
    early.put(key, ValueAndTimestamp.make(label, now));
  }

  /** Emits the labelled sample, and stores it until the record expires, for corrections. */
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
      outbox.requireStorable();
      return outbox;
    } catch (InvalidRecordException e) {
      settings.metrics().labelDeadLettered();
      throw new DeadLetter(e, id);
    }
  }
}

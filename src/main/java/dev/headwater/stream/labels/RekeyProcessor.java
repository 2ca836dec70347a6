package dev.headwater.stream.labels;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.LabelReader;
import dev.headwater.schema.Label;
import dev.headwater.stream.guard.DeadLetter;
import dev.headwater.stream.guard.Outbox;
import dev.headwater.stream.guard.TraceContext;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/**
 * Decodes and validates labels and re-keys them by record id. Invalid labels go to dead letters. A
 * tombstone, with a record id as key, erases that record.
 */
final class RekeyProcessor implements Processor<byte[], byte[], byte[], byte[]> {
  private final LabelTopology settings;

  @SuppressWarnings("NullAway.Init") // set by init, which Streams calls first
  private ProcessorContext<byte[], byte[]> context;

  RekeyProcessor(LabelTopology settings) {
    this.settings = settings;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    if (isTombstone(record)) {
      tombstone(new String(record.key(), UTF_8), record.headers()).send(context);
      return;
    }
    label(record.value(), record.headers()).send(context);
    settings.metrics().labelReceived();
  }

  @SuppressWarnings("ConstantValue") // Kafka's keys and values may be null
  private static boolean isTombstone(Record<byte[], byte[]> record) {
    return record.value() == null && record.key() != null && record.key().length > 0;
  }

  private Outbox tombstone(String recordId, Headers headers) {
    try {
      return outbox(recordId, null, headers);
    } catch (InvalidRecordException e) {
      throw new DeadLetter(e, recordId);
    }
  }

  private Outbox outbox(String recordId, @Nullable Label label, Headers headers)
      throws InvalidRecordException {
    Outbox outbox = new Outbox(settings.limits());
    // processing time: an old label must not be past the topic's retention
    outbox.add(
        LabelTopology.LABELS_BY_ID_SINK,
        settings.topics().labelsById(),
        recordId,
        label,
        context.currentSystemTimeMs(),
        TraceContext.of(headers));
    return outbox;
  }

  private Outbox label(byte @Nullable [] value, Headers headers) {
    String recordId = null;
    try {
      Label label = LabelReader.read(settings.topics().formats().labels(), value);
      recordId = label.recordId();
      check(label);
      return outbox(recordId, label, headers);
    } catch (InvalidRecordException e) {
      settings.metrics().labelReceived();
      settings.metrics().labelDeadLettered();
      // a value that is too large for its topic has a recordId() of null
      throw new DeadLetter(e, recordId == null ? e.recordId() : recordId);
    }
  }

  private void check(Label label) throws InvalidRecordException {
    LabelCheck check = settings.checks().get(label.task());
    if (check == null) {
      throw new InvalidRecordException(
          "/task",
          "is not a task of this deployment, expected one of " + settings.checks().keySet(),
          label.recordId());
    }
    check.check(label.label(), "/label", label.recordId());
  }
}

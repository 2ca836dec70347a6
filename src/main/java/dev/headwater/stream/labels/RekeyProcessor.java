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
 * Reads a label, checks it, and keys it by its record id. Whatever cannot be a label of this task
 * goes to dead letters. A record without value under a record id as key erases that record.
 */
final class RekeyProcessor implements Processor<byte[], byte[], byte[], byte[]> {
  private final LabelTopology settings;

  @SuppressWarnings("NullAway.Init") // by init, which Streams calls first
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
    if (isErasure(record)) {
      erasure(new String(record.key(), UTF_8), record.headers()).send(context);
      return;
    }
    rekeyed(record.value(), record.headers()).send(context);
    settings.metrics().labelReceived();
  }

  @SuppressWarnings("ConstantValue") // Kafka's keys and values may be null
  private static boolean isErasure(Record<byte[], byte[]> record) {
    return record.value() == null && record.key() != null && record.key().length > 0;
  }

  private Outbox erasure(String recordId, Headers headers) {
    try {
      return outbox(recordId, null, headers);
    } catch (InvalidRecordException e) {
      throw new DeadLetter(e, recordId);
    }
  }

  private Outbox outbox(String recordId, @Nullable Label label, Headers headers)
      throws InvalidRecordException {
    Outbox outbox = new Outbox(settings.limits());
    // stamped with the time of reading: an old label must not be past the topic's retention
    outbox.add(
        LabelTopology.LABELS_BY_ID_SINK,
        settings.topics().labelsById(),
        recordId,
        label,
        context.currentSystemTimeMs(),
        TraceContext.of(headers));
    return outbox;
  }

  private Outbox rekeyed(byte @Nullable [] value, Headers headers) {
    String recordId = null;
    try {
      Label label = LabelReader.read(settings.topics().formats().labels(), value);
      recordId = label.recordId();
      check(label);
      return outbox(recordId, label, headers);
    } catch (InvalidRecordException e) {
      settings.metrics().labelReceived();
      settings.metrics().labelDeadLettered();
      // what is too large for its topic does not say whose it is
      throw new DeadLetter(e, recordId == null ? e.recordId() : recordId);
    }
  }

  private void check(Label label) throws InvalidRecordException {
    LabelCheck check = settings.checks().get(label.task());
    if (check == null) {
      throw new InvalidRecordException(
          "/task",
          "names another task than those served here: " + settings.checks().keySet(),
          label.recordId());
    }
    check.check(label.label(), "/label", label.recordId());
  }
}

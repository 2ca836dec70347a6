package dev.headwater.stream.guard;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Topic;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/**
 * Collects the outputs of one record, serialised and size-checked, before the first one is
 * forwarded. An exception after a forward would commit both an output and a dead letter.
 */
public final class Outbox {
  private final Limits limits;
  private final List<Outgoing> outgoing = new ArrayList<>();

  public Outbox(Limits limits) {
    this.limits = limits;
  }

  /**
   * Adds an output.
   *
   * @param sink name of the sink node for {@code topic}
   * @param value null for a tombstone
   * @throws InvalidRecordException if it exceeds the size limit of the topic
   */
  public <K, V> void add(
      String sink,
      Topic<K, V> topic,
      @Nullable K key,
      @Nullable V value,
      long timestamp,
      Headers headers)
      throws InvalidRecordException {
    byte[] keyBytes = keyBytes(topic, key);
    byte[] valueBytes = valueBytes(topic, value);
    limits.check(topic.name(), keyBytes, valueBytes, headers);
    outgoing.add(new Outgoing(sink, new Record<>(keyBytes, valueBytes, timestamp, headers)));
  }

  /**
   * Checks that the last added output also fits the state stores of the label join.
   *
   * @throws InvalidRecordException if it is too large
   */
  public void requireStorable() throws InvalidRecordException {
    Record<byte[], byte[]> last = outgoing.get(outgoing.size() - 1).record();
    limits.check(TopicLimits.STORES, last.key(), last.value(), last.headers());
  }

  /** Forwards all outputs in insertion order. */
  public void send(ProcessorContext<byte[], byte[]> context) {
    outgoing.forEach(output -> context.forward(output.record(), output.sink()));
  }

  @SuppressWarnings("NullAway") // Kafka allows null keys
  private static <K> byte[] keyBytes(Topic<K, ?> topic, @Nullable K key) {
    return key == null ? null : topic.key().serializer().serialize(topic.name(), key);
  }

  @SuppressWarnings("NullAway") // a null value is a tombstone
  private static <V> byte[] valueBytes(Topic<?, V> topic, @Nullable V value) {
    return value == null ? null : topic.value().serializer().serialize(topic.name(), value);
  }

  private record Outgoing(String sink, Record<byte[], byte[]> record) {}
}

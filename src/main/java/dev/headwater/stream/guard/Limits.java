package dev.headwater.stream.guard;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * The largest record each topic takes. Under exactly-once a record the broker refuses aborts the
 * whole transaction, its good neighbours' included, so sizes are checked before anything is sent.
 *
 * @param maxRequestSize the producer's {@code max.request.size}, bytes
 * @param maxMessageBytes each topic's {@code max.message.bytes}; a topic not named has no limit
 */
public record Limits(int maxRequestSize, Map<String, Integer> maxMessageBytes) {
  // batch header 61, record header 21 (KIP-98), rounded up for fields to come
  private static final int OVERHEAD = 128;
  private static final int HEADER_OVERHEAD = 10;

  public Limits {
    maxMessageBytes = Map.copyOf(maxMessageBytes);
  }

  /**
   * A producer's {@code max.request.size}.
   *
   * @param otherwise where the properties have none
   */
  public static int maxRequestSize(Map<String, Object> kafka, int otherwise) {
    String key = ProducerConfig.MAX_REQUEST_SIZE_CONFIG;
    return (int) ConfigDef.parseType(key, kafka.getOrDefault(key, otherwise), ConfigDef.Type.INT);
  }

  /** The largest record {@code topic} takes, bytes. */
  public int of(String topic) {
    return Math.min(maxRequestSize, maxMessageBytes.getOrDefault(topic, Integer.MAX_VALUE));
  }

  /** Refuses a record that {@code topic} would not take. */
  public void check(String topic, byte @Nullable [] key, byte @Nullable [] value, Headers headers)
      throws InvalidRecordException {
    long size = size(key, value, headers);
    if (size > of(topic)) {
      throw new InvalidRecordException(
          "value",
          "makes %d bytes for topic %s, which takes %d: raise its max.message.bytes and max.request.size"
              .formatted(size, topic, of(topic)),
          null);
    }
  }

  /** Bytes a record takes alone in a batch, an upper bound. */
  static long size(byte @Nullable [] key, byte @Nullable [] value, Headers headers) {
    long size = OVERHEAD + length(key) + length(value);
    for (Header header : headers) {
      size += HEADER_OVERHEAD + header.key().getBytes(UTF_8).length + length(header.value());
    }
    return size;
  }

  private static long length(byte @Nullable [] bytes) {
    return bytes == null ? 0 : bytes.length;
  }
}

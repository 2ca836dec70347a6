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
 * The maximum record size of each topic. Under exactly-once, a record that the broker rejects
 * aborts the transaction and all other records in it, so sizes are checked before sending.
 *
 * @param maxRequestSize the producer's {@code max.request.size} in bytes
 * @param maxMessageBytes {@code max.message.bytes} by topic; other topics have no limit
 */
public record Limits(int maxRequestSize, Map<String, Integer> maxMessageBytes) {
  // batch header 61 bytes, record header 21 bytes (KIP-98), rounded up for future fields
  private static final int OVERHEAD = 128;
  private static final int HEADER_OVERHEAD = 10;

  public Limits {
    maxMessageBytes = Map.copyOf(maxMessageBytes);
  }

  /**
   * Returns the {@code max.request.size} of a producer.
   *
   * @param defaultSize value if the properties have none
   */
  public static int maxRequestSize(Map<String, Object> kafka, int defaultSize) {
    String key = ProducerConfig.MAX_REQUEST_SIZE_CONFIG;
    return (int) ConfigDef.parseType(key, kafka.getOrDefault(key, defaultSize), ConfigDef.Type.INT);
  }

  /** Returns the maximum record size of a topic in bytes. */
  public int of(String topic) {
    return Math.min(maxRequestSize, maxMessageBytes.getOrDefault(topic, Integer.MAX_VALUE));
  }

  /**
   * Checks a record against the limit of a topic.
   *
   * @throws InvalidRecordException if it is too large
   */
  public void check(String topic, byte @Nullable [] key, byte @Nullable [] value, Headers headers)
      throws InvalidRecordException {
    long size = size(key, value, headers);
    if (size > of(topic)) {
      throw new InvalidRecordException(
          "value",
          "needs %d bytes on topic %s, limit %d: raise max.message.bytes of the topic and max.request.size"
              .formatted(size, topic, of(topic)),
          null);
    }
  }

  /** Returns an upper bound of the size of a record in a batch of its own, in bytes. */
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

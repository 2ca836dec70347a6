package dev.headwater.stream.guard;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;
import org.apache.kafka.streams.errors.ProcessingExceptionHandler;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/**
 * Converts a {@link DeadLetter} to a dead letter of Kafka Streams (KIP-1034: original bytes, cause
 * headers, source coordinates), and adds the record id and the field. Other exceptions fail the
 * task: Kafka Streams also passes failures of sinks and stores, and continuing after those would
 * commit a part of the outputs.
 *
 * <p>A dead letter that exceeds the size limit of its topic would stop the stream. It is therefore
 * reduced: first the value is omitted, then the key and the headers of the producer. The source
 * coordinates are always kept.
 */
public final class DeadLetterHandler implements ProcessingExceptionHandler {
  /** Kafka Streams property: maximum size of a dead letter in bytes. */
  public static final String MAX_BYTES_CONFIG = "headwater.dead.letter.max.bytes";

  /** Dead-letter header: the parts that were omitted because of the size limit, and their size. */
  public static final String OMITTED_HEADER = "headwater-omitted";

  private static final String CAUSE_PREFIX = "__streams.errors.";

  private final LogAndContinueProcessingExceptionHandler builtIn =
      new LogAndContinueProcessingExceptionHandler();
  private int maxBytes = Integer.MAX_VALUE;

  @Override
  public void configure(Map<String, ?> configs) {
    builtIn.configure(configs);
    if (configs.get(MAX_BYTES_CONFIG) instanceof Integer limit) {
      maxBytes = limit;
    }
  }

  @Override
  public Response handleError(
      ErrorHandlerContext context, Record<?, ?> record, Exception exception) {
    if (!(exception instanceof DeadLetter letter)) {
      return Response.fail();
    }
    return Response.resume(
        builtIn.handleError(context, record, letter.reason()).deadLetterQueueRecords().stream()
            .map(dead -> truncated(withHeaders(stampedNow(dead), letter)))
            .toList());
  }

  /** Sets the current time, because retention could delete an old timestamp immediately. */
  private static ProducerRecord<byte[], byte[]> stampedNow(ProducerRecord<byte[], byte[]> dead) {
    set(dead.headers(), DeadLetter.TIME_HEADER, String.valueOf(dead.timestamp()));
    return new ProducerRecord<>(
        dead.topic(),
        dead.partition(),
        System.currentTimeMillis(),
        dead.key(),
        dead.value(),
        dead.headers());
  }

  private static ProducerRecord<byte[], byte[]> withHeaders(
      ProducerRecord<byte[], byte[]> dead, DeadLetter letter) {
    set(dead.headers(), DeadLetter.FIELD_HEADER, letter.field());
    String recordId = letter.recordId();
    if (recordId != null) {
      set(dead.headers(), DeadLetter.RECORD_ID_HEADER, recordId);
    }
    return dead;
  }

  private ProducerRecord<byte[], byte[]> truncated(ProducerRecord<byte[], byte[]> dead) {
    if (fits(dead)) {
      return dead;
    }
    String omitted = length(dead.value()) + " bytes of value";
    ProducerRecord<byte[], byte[]> noValue = copy(dead, dead.key(), dead.headers(), omitted);
    return fits(noValue) ? noValue : copy(dead, null, causes(dead.headers()), omitted + ", key");
  }

  private boolean fits(ProducerRecord<byte[], byte[]> dead) {
    return Limits.size(dead.key(), dead.value(), dead.headers()) <= maxBytes;
  }

  @SuppressWarnings("NullAway") // Kafka allows null keys and values
  private static ProducerRecord<byte[], byte[]> copy(
      ProducerRecord<byte[], byte[]> dead, byte @Nullable [] key, Headers headers, String omitted) {
    Headers kept = new RecordHeaders(headers);
    set(kept, OMITTED_HEADER, omitted);
    return new ProducerRecord<>(dead.topic(), dead.partition(), dead.timestamp(), key, null, kept);
  }

  private static List<Header> causesOf(Headers headers) {
    return Stream.of(headers.toArray())
        .filter(
            header ->
                header.key().startsWith(CAUSE_PREFIX)
                    || header.key().equals(DeadLetter.FIELD_HEADER))
        .toList();
  }

  private static Headers causes(Headers headers) {
    return new RecordHeaders(causesOf(headers));
  }

  private static void set(Headers headers, String key, String value) {
    headers.remove(key).add(key, value.getBytes(UTF_8));
  }

  private static int length(byte @Nullable [] bytes) {
    return bytes == null ? 0 : bytes.length;
  }
}

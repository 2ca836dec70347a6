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
 * Kafka's own dead letters (KIP-1034: original bytes, cause headers, source coordinates) with the
 * record id and the field added, for {@link DeadLetter} alone. Anything else fails the task: Kafka
 * hands this handler the failures of sinks and stores too, and going on after those would commit
 * outputs half written.
 *
 * <p>A dead letter larger than its topic takes would stop the stream for good, so it sheds the
 * value first, then key and producer's headers; the source coordinates always stay.
 */
public final class DeadLetterHandler implements ProcessingExceptionHandler {
  /** Streams configuration: the largest dead letter, in bytes. */
  public static final String MAX_BYTES_CONFIG = "headwater.dead.letter.max.bytes";

  /** Dead-letter header: what was left out because it did not fit, and its size. */
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
            .map(dead -> fitting(named(ofNow(dead), letter)))
            .toList());
  }

  /** By its record's own time, that of a backfill would be past its retention as it is written. */
  private static ProducerRecord<byte[], byte[]> ofNow(ProducerRecord<byte[], byte[]> dead) {
    set(dead.headers(), DeadLetter.TIME_HEADER, String.valueOf(dead.timestamp()));
    return new ProducerRecord<>(
        dead.topic(),
        dead.partition(),
        System.currentTimeMillis(),
        dead.key(),
        dead.value(),
        dead.headers());
  }

  private static ProducerRecord<byte[], byte[]> named(
      ProducerRecord<byte[], byte[]> dead, DeadLetter letter) {
    set(dead.headers(), DeadLetter.FIELD_HEADER, letter.field());
    String recordId = letter.recordId();
    if (recordId != null) {
      set(dead.headers(), DeadLetter.RECORD_ID_HEADER, recordId);
    }
    return dead;
  }

  private ProducerRecord<byte[], byte[]> fitting(ProducerRecord<byte[], byte[]> dead) {
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

  @SuppressWarnings("NullAway") // Kafka takes null keys and values
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

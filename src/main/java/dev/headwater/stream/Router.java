package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topics;
import dev.headwater.stream.guard.Outbox;
import dev.headwater.stream.selection.Selector;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/**
 * From an answer to the outputs of its record: always a prediction; where its label is worth
 * having, a sample if the label came inline, else a review item and a pending sample.
 *
 * <p>A prediction keeps its record's time. What waits or is learnt from is stamped with the time of
 * routing: a replayed old record must not be past those topics' retention on arrival.
 */
final class Router {
  /** W3C Trace Context: carried from a record to its prediction. */
  private static final List<String> TRACE = List.of("traceparent", "tracestate");

  private final ScoringTopology topology;
  private final Topics topics;
  private final Selector selector;

  Router(ScoringTopology topology) {
    this.topology = topology;
    this.topics = topology.topics();
    this.selector = new Selector(topology.settings().selection());
  }

  /**
   * @param now wall clock, milliseconds since the epoch
   * @throws InvalidRecordException if the inline label is not one of the task's, or an output would
   *     not fit its topic
   */
  Routed route(
      Record<byte[], byte[]> record, Source source, String recordId, Scorer.Answer answer, long now)
      throws InvalidRecordException {
    checkLabel(answer.label(), recordId);
    Outbox outbox = new Outbox(topology.limits());
    addPrediction(outbox, record, source, recordId, answer);
    Scored best = answer.best();
    Optional<Selector.Kept> kept =
        selector.select(recordId, answer.features(), answer.certainty(), best != null);
    if (kept.isEmpty()) {
      return new Routed(outbox, false);
    }
    Sample sample = sample(record, recordId, answer, kept.get(), now);
    if (answer.label() != null) {
      outbox.add(ScoringTopology.SAMPLES_SINK, topics.samples(), recordId, sample, now, none());
      return new Routed(outbox, false);
    }
    ReviewItem item = reviewItem(record, source, recordId, kept.get().reason(), best);
    outbox.add(ScoringTopology.REVIEW_SINK, topics.review(), recordId, item, now, none());
    outbox.add(ScoringTopology.PENDING_SINK, topics.pending(), recordId, sample, now, none());
    return new Routed(outbox, true);
  }

  private void checkLabel(@Nullable String label, String recordId) throws InvalidRecordException {
    if (label != null && !topology.task().known().test(label)) {
      throw new InvalidRecordException(
          "label", "is not in the closed label set of " + topology.task().name(), recordId);
    }
  }

  private void addPrediction(
      Outbox outbox,
      Record<byte[], byte[]> record,
      Source source,
      String recordId,
      Scorer.Answer answer)
      throws InvalidRecordException {
    Scored best = answer.best();
    Prediction prediction =
        new Prediction(
            recordId,
            topology.task().name(),
            best == null ? null : best.label(),
            best == null ? 0 : best.confidence(),
            answer.top(),
            answer.headVersion(),
            source,
            answer.frozen());
    Headers headers = new RecordHeaders();
    headers.add(
        Prediction.HEAD_VERSION_HEADER, Long.toString(answer.headVersion()).getBytes(US_ASCII));
    for (String name : TRACE) {
      Header header = record.headers().lastHeader(name);
      if (header != null) {
        headers.add(header);
      }
    }
    outbox.add(
        ScoringTopology.PREDICTIONS_SINK,
        topics.predictions(),
        record.key(),
        prediction,
        record.timestamp(),
        headers);
  }

  @SuppressWarnings("NullAway") // Avro's builder takes null for a nullable field
  private Sample sample(
      Record<byte[], byte[]> record,
      String recordId,
      Scorer.Answer answer,
      Selector.Kept kept,
      long now) {
    Scored best = answer.best();
    return Sample.newBuilder()
        .setRecordId(recordId)
        .setTask(topology.task().name())
        .setBackbone(topology.task().backbone())
        .setRows(1)
        .setDim(answer.features().length)
        .setFeatures(SampleSerde.pack(answer.features()))
        .setReason(kept.reason())
        .setWeight(kept.weight())
        .setPredicted(best == null ? null : best.label())
        .setConfidence(best == null ? 0 : (float) best.confidence())
        .setHeadVersion(answer.headVersion())
        .setRecordTime(Instant.ofEpochMilli(record.timestamp()))
        .setLabel(answer.label())
        .setLabelTime(answer.label() == null ? null : Instant.ofEpochMilli(now))
        .build();
  }

  private ReviewItem reviewItem(
      Record<byte[], byte[]> record,
      Source source,
      String recordId,
      Reason reason,
      @Nullable Scored best) {
    Optional<String> text = text(record.value());
    return new ReviewItem(
        recordId,
        topology.task().name(),
        reason,
        text.orElseGet(() -> Base64.getEncoder().encodeToString(record.value())),
        text.isEmpty(),
        reason == Reason.AUDIT ? null : best,
        source);
  }

  private static Optional<String> text(byte[] value) {
    try {
      return Optional.of(UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString());
    } catch (CharacterCodingException e) {
      return Optional.empty(); // images and tensors are not; base64 loses nothing of them
    }
  }

  private static Headers none() {
    return new RecordHeaders();
  }

  /**
   * @param reviewed a review item is among the outputs
   */
  record Routed(Outbox outbox, boolean reviewed) {}
}

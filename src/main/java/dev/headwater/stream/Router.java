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
import dev.headwater.stream.ScoringTopology.Task;
import dev.headwater.stream.guard.Outbox;
import dev.headwater.stream.selection.Selection;
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
 * From an answer to the outputs of its record: for each task always a prediction; where its label
 * is worth having, a sample if the label came inline, else a review item and a pending sample.
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
    Outbox outbox = new Outbox(topology.limits());
    Optional<Selector.Kept> kept = select(recordId, answer);
    Optional<Selector.Kept> drawn = draw(recordId);
    int reviews = 0;
    for (int i = 0; i < topology.tasks().size(); i++) {
      Task task = topology.tasks().get(i);
      Scorer.Outcome outcome = answer.outcomes().get(i);
      checkLabel(task, outcome.label(), recordId);
      addPrediction(outbox, record, source, recordId, task, outcome);
      if (drawn.isPresent()) {
        Sample sample = sample(record, recordId, task, outcome, drawn.get(), null, now);
        outbox.add(ScoringTopology.SAMPLES_SINK, topics.samples(), recordId, sample, now, none());
      }
      if (kept.isPresent()) {
        Sample sample = sample(record, recordId, task, outcome, kept.get(), outcome.label(), now);
        reviews += ask(outbox, record, source, sample, outcome.best(), now);
      }
    }
    return new Routed(outbox, reviews);
  }

  /** A record is as unsure as its least sure task, and who looks at it answers for every task. */
  private Optional<Selector.Kept> select(String recordId, Scorer.Answer answer) {
    Scorer.Outcome least = answer.outcomes().get(0);
    boolean scored = true;
    for (Scorer.Outcome outcome : answer.outcomes()) {
      least = outcome.certainty() < least.certainty() ? outcome : least;
      scored &= outcome.best() != null;
    }
    return selector.select(recordId, least.features(), least.certainty(), scored);
  }

  /** For the records' features alone: drift and domain adaptation need no labels. */
  private Optional<Selector.Kept> draw(String recordId) {
    double share = topology.settings().unlabelledShare();
    return Selection.draws(recordId, share)
        ? Optional.of(new Selector.Kept(Reason.UNLABELLED, 1 / share))
        : Optional.empty();
  }

  /** A sample whose label came with the record is complete; any other waits for an annotator. */
  private int ask(
      Outbox outbox,
      Record<byte[], byte[]> record,
      Source source,
      Sample sample,
      @Nullable Scored best,
      long now)
      throws InvalidRecordException {
    String id = sample.getRecordId();
    if (sample.getLabel() != null) {
      outbox.add(ScoringTopology.SAMPLES_SINK, topics.samples(), id, sample, now, none());
      return 0;
    }
    ReviewItem item = reviewItem(record, source, sample, best);
    outbox.add(ScoringTopology.REVIEW_SINK, topics.review(), id, item, now, none());
    outbox.add(ScoringTopology.PENDING_SINK, topics.pending(), id, sample, now, none());
    return 1;
  }

  private static void checkLabel(Task task, @Nullable String label, String recordId)
      throws InvalidRecordException {
    if (label != null && !task.known().test(label)) {
      throw new InvalidRecordException(
          "label", "is not in the closed label set of " + task.name(), recordId);
    }
  }

  private void addPrediction(
      Outbox outbox,
      Record<byte[], byte[]> record,
      Source source,
      String recordId,
      Task task,
      Scorer.Outcome answer)
      throws InvalidRecordException {
    Scored best = answer.best();
    Prediction prediction =
        new Prediction(
            recordId,
            task.name(),
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
      Task task,
      Scorer.Outcome answer,
      Selector.Kept kept,
      @Nullable String label,
      long now) {
    Scored best = answer.best();
    return Sample.newBuilder()
        .setRecordId(recordId)
        .setTask(task.name())
        .setBackbone(task.backbone())
        .setRows(1)
        .setDim(answer.features().length)
        .setFeatures(SampleSerde.pack(answer.features()))
        .setReason(kept.reason())
        .setWeight(kept.weight())
        .setPredicted(best == null ? null : best.label())
        .setConfidence(best == null ? 0 : (float) best.confidence())
        .setHeadVersion(answer.headVersion())
        .setRecordTime(Instant.ofEpochMilli(record.timestamp()))
        .setLabel(label)
        .setLabelTime(label == null ? null : Instant.ofEpochMilli(now))
        .build();
  }

  private ReviewItem reviewItem(
      Record<byte[], byte[]> record, Source source, Sample sample, @Nullable Scored best) {
    Optional<String> text = text(record.value());
    return new ReviewItem(
        sample.getRecordId(),
        sample.getTask(),
        sample.getReason(),
        text.orElseGet(() -> Base64.getEncoder().encodeToString(record.value())),
        text.isEmpty(),
        sample.getReason() == Reason.AUDIT ? null : best,
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
   * @param reviews how many review items are among the outputs
   */
  record Routed(Outbox outbox, int reviews) {}
}

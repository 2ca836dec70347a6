package dev.headwater.stream;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Outcome;
import dev.headwater.stream.ScoringTopology.Task;
import dev.headwater.stream.guard.Outbox;
import dev.headwater.stream.guard.TraceContext;
import dev.headwater.stream.selection.Selection;
import dev.headwater.stream.selection.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.streams.processor.api.Record;

/**
 * From an answer to the outputs of its record: always a prediction; where its label is worth
 * having, for each task a sample if the label came inline, else a review item and a pending sample.
 *
 * <p>A prediction keeps its record's time. What waits or is learnt from is stamped with the time of
 * routing: a replayed old record must not be past those topics' retention on arrival.
 */
final class Router {
  private final ScoringTopology topology;
  private final Topics topics;
  private final Selector selector;
  private final int[] asking;

  Router(ScoringTopology topology) {
    this.topology = topology;
    this.topics = topology.topics();
    this.selector = new Selector(topology.settings().selection());
    this.asking = asking(topology.tasks(), topology.settings().selection());
  }

  /** Tasks whose doubts count: not those with a threshold of 0, while there are others. */
  private static int[] asking(List<Task> tasks, Selection selection) {
    int[] asking =
        IntStream.range(0, tasks.size())
            .filter(i -> selection.doubt(tasks.get(i).name()).threshold() > 0)
            .toArray();
    return asking.length > 0 ? asking : IntStream.range(0, tasks.size()).toArray();
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
    boolean considered = selector.considers(recordId, topology.tasks().size());
    Optional<Selector.Kept> kept = considered ? select(recordId, answer) : Optional.empty();
    Optional<Selector.Kept> drawn = considered ? draw(recordId) : Optional.empty();
    List<TaskPrediction> predictions = new ArrayList<>();
    int reviews = 0;
    for (int i = 0; i < topology.tasks().size(); i++) {
      Task task = topology.tasks().get(i);
      Outcome outcome = answer.outcomes().get(i);
      if (outcome.label() != null) {
        String field = Objects.requireNonNull(task.labelField(), "where the label was read");
        task.check().check(outcome.label(), field, recordId);
      }
      Outputs outputs = new Outputs(record, source, recordId, task, outcome);
      predictions.add(outputs.prediction());
      if (drawn.isPresent() && task.drawn().isPresent()) {
        Sample sample = outputs.sample(drawn.get(), null, now);
        outbox.add(
            ScoringTopology.SAMPLES_SINK, topics.samples(), recordId, sample, now, trace(record));
      }
      if (kept.isPresent()) {
        reviews += ask(outbox, outputs, outputs.sample(kept.get(), outcome.label(), now), now);
      }
    }
    addPrediction(outbox, record, Prediction.of(recordId, source, predictions));
    return new Routed(outbox, answer, kept, drawn, reviews);
  }

  /**
   * A record is as unsure as its task that is furthest below its threshold, and who looks at it
   * answers for every task.
   */
  private Optional<Selector.Kept> select(String recordId, Scorer.Answer answer) {
    double[] certainties = new double[asking.length];
    int least = 0;
    boolean scored = true;
    for (int i = 0; i < asking.length; i++) {
      Outcome outcome = answer.outcomes().get(asking[i]);
      String task = topology.tasks().get(asking[i]).name();
      certainties[i] = topology.settings().selection().standing(task, outcome.certainty());
      least = certainties[i] < certainties[least] ? i : least;
      scored &= outcome.scored();
    }
    Task unsure = topology.tasks().get(asking[least]);
    float[] features = answer.outcomes().get(asking[least]).features();
    return selector.select(
        recordId, unsure.backbone(), () -> unsure.summary().apply(features), certainties, scored);
  }

  /**
   * For the records' features alone: drift and domain adaptation need no labels, and some teach
   * without. Not what the audit draws: that is to prove what was learnt.
   */
  private Optional<Selector.Kept> draw(String recordId) {
    double share = topology.settings().unlabelledShare();
    return Selection.drawsOthers(recordId, share)
        ? Optional.of(new Selector.Kept(Reason.UNLABELLED, 1 / share))
        : Optional.empty();
  }

  /** A sample whose label came with the record is complete; any other waits for an annotator. */
  private int ask(Outbox outbox, Outputs outputs, Sample sample, long now)
      throws InvalidRecordException {
    String id = sample.getRecordId();
    Headers trace = trace(outputs.record());
    if (sample.getLabel() != null) {
      outbox.add(ScoringTopology.SAMPLES_SINK, topics.samples(), id, sample, now, trace);
      return 0;
    }
    ReviewItem item = outputs.reviewItem(sample.getReason(), topics.formats().records());
    outbox.add(ScoringTopology.REVIEW_SINK, topics.review(), id, item, now, trace);
    outbox.add(ScoringTopology.PENDING_SINK, topics.pending(), id, sample, now, trace);
    return 1;
  }

  private void addPrediction(Outbox outbox, Record<byte[], byte[]> record, Prediction prediction)
      throws InvalidRecordException {
    outbox.add(
        ScoringTopology.PREDICTIONS_SINK,
        topics.predictions(),
        record.key(),
        prediction,
        record.timestamp(),
        prediction.headers(trace(record)));
  }

  private static Headers trace(Record<byte[], byte[]> record) {
    return TraceContext.of(record.headers());
  }

  /**
   * @param kept why its label is worth having, for each task; empty where it is not
   * @param drawn why its features are, for each task that draws
   * @param reviews how many review items are among the outputs
   */
  record Routed(
      Outbox outbox,
      Scorer.Answer answer,
      Optional<Selector.Kept> kept,
      Optional<Selector.Kept> drawn,
      int reviews) {}
}

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
 * Routes a scored record to its outputs. Every record gets a prediction. If it is selected for
 * labelling, each task also gets a sample if the label came inline, otherwise a label request and a
 * pending sample.
 *
 * <p>A prediction has the timestamp of its record. The other outputs have the time of routing, so
 * that the retention of their topics does not delete replayed old records on arrival.
 */
final class Router {
  private final ScoringTopology topology;
  private final Topics topics;
  private final Selector selector;
  private final int[] selectingTasks;

  Router(ScoringTopology topology) {
    this.topology = topology;
    this.topics = topology.topics();
    this.selector = new Selector(topology.settings().selection());
    this.selectingTasks = selectingTasks(topology.tasks(), topology.settings().selection());
  }

  /** Returns the tasks whose confidence counts: all with a threshold above 0, or else all. */
  private static int[] selectingTasks(List<Task> tasks, Selection selection) {
    int[] selecting =
        IntStream.range(0, tasks.size())
            .filter(i -> selection.lowConfidence(tasks.get(i).name()).threshold() > 0)
            .toArray();
    return selecting.length > 0 ? selecting : IntStream.range(0, tasks.size()).toArray();
  }

  /**
   * Serialises and size-checks all outputs of a record.
   *
   * @param now wall-clock time, milliseconds since the epoch
   * @throws InvalidRecordException if the inline label is not a label of the task, or an output
   *     exceeds the size limit of its topic
   */
  Routed route(
      Record<byte[], byte[]> record, Source source, String recordId, Scorer.Result result, long now)
      throws InvalidRecordException {
    Outbox outbox = new Outbox(topology.limits());
    boolean considered = selector.considers(recordId, topology.tasks().size());
    Optional<Selector.Kept> kept = considered ? select(recordId, result) : Optional.empty();
    Optional<Selector.Kept> unlabelled = considered ? sampleUnlabelled(recordId) : Optional.empty();
    List<TaskPrediction> predictions = new ArrayList<>();
    int labelRequests = 0;
    for (int i = 0; i < topology.tasks().size(); i++) {
      Task task = topology.tasks().get(i);
      Outcome outcome = result.outcomes().get(i);
      if (outcome.label() != null) {
        String field = Objects.requireNonNull(task.labelField(), "field of the label");
        task.check().check(outcome.label(), field, recordId);
      }
      Outputs outputs = new Outputs(record, source, recordId, task, outcome);
      predictions.add(outputs.prediction());
      if (unlabelled.isPresent() && task.unlabelledFeatures().isPresent()) {
        Sample sample = outputs.sample(unlabelled.get(), null, now);
        outbox.add(
            ScoringTopology.SAMPLES_SINK, topics.samples(), recordId, sample, now, trace(record));
      }
      if (kept.isPresent()) {
        Sample sample = outputs.sample(kept.get(), outcome.label(), now);
        labelRequests += addSample(outbox, outputs, sample, now);
      }
    }
    addPrediction(outbox, record, Prediction.of(recordId, source, predictions));
    return new Routed(outbox, result, kept, unlabelled, labelRequests);
  }

  /**
   * Decides whether the record requests labels. The task furthest below its threshold decides for
   * all tasks, because an annotator labels a record for every task at once.
   */
  private Optional<Selector.Kept> select(String recordId, Scorer.Result result) {
    double[] confidences = new double[selectingTasks.length];
    int least = 0;
    boolean scored = true;
    for (int i = 0; i < selectingTasks.length; i++) {
      Outcome outcome = result.outcomes().get(selectingTasks[i]);
      String task = topology.tasks().get(selectingTasks[i]).name();
      confidences[i] =
          topology.settings().selection().standing(task, outcome.selectionConfidence());
      least = confidences[i] < confidences[least] ? i : least;
      scored &= outcome.isScored();
    }
    Task task = topology.tasks().get(selectingTasks[least]);
    float[] features = result.outcomes().get(selectingTasks[least]).features();
    return selector.select(
        recordId, task.backbone(), () -> task.summary().apply(features), confidences, scored);
  }

  /**
   * Decides whether the record becomes an unlabelled sample, for drift detection, domain adaptation
   * and pseudo-labels. Excludes audit samples, which evaluate what was learned.
   */
  private Optional<Selector.Kept> sampleUnlabelled(String recordId) {
    double share = topology.settings().unlabelledShare();
    return Selection.selectsUnlabelled(recordId, share)
        ? Optional.of(new Selector.Kept(Reason.UNLABELLED, 1 / share))
        : Optional.empty();
  }

  /**
   * Adds a complete sample if the label came inline; otherwise a label request and a pending
   * sample. Returns the number of label requests.
   */
  private int addSample(Outbox outbox, Outputs outputs, Sample sample, long now)
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
   * The routed record.
   *
   * @param kept reason and weight of the labelled or pending samples; empty if not selected
   * @param unlabelled reason and weight of the unlabelled samples; empty if not selected
   * @param labelRequests number of label requests among the outputs
   */
  record Routed(
      Outbox outbox,
      Scorer.Result result,
      Optional<Selector.Kept> kept,
      Optional<Selector.Kept> unlabelled,
      int labelRequests) {}
}

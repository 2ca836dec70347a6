package dev.headwater.replay.recorded;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Task;
import dev.headwater.gate.PairedTest;
import dev.headwater.gate.Trial;
import dev.headwater.heads.HeadLog;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Topics;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.jspecify.annotations.Nullable;

/**
 * A comparison of two deployments on the same labelled audit samples, by the first prediction of
 * each. Audit samples are selected uniformly, so the comparison is unbiased. A record is left out
 * if one of the heads may have been trained on it before predicting it.
 */
public final class Comparison {
  /** Significance level. */
  private static final double SIGNIFICANT = 0.05;

  /** Quantile of the normal distribution for a two-sided 95 % interval. */
  private static final double TWO_SIDED_95 = 1.96;

  private final List<Task> tasks;
  private final Side current;
  private final Side reference;

  /** The predictions and labels of one deployment. */
  private record Side(
      String name, KnownLabels known, HeadLog heads, Map<String, TaskPrediction> predictions) {
    static Side read(Deployment of, String topic, List<Task> tasks) {
      KnownLabels known = KnownLabels.ofSamples(of, tasks);
      return new Side(of.name(), known, of.heads(), Comparison.predictions(of, topic));
    }

    /**
     * Returns the prediction of a head that was not trained on the record; null if there is none.
     */
    @Nullable TaskPrediction heldOutPrediction(String recordId, String task) {
      TaskPrediction prediction = predictions.get(recordId + '\0' + task);
      return prediction == null || !prediction.made() || mayHaveTrainedOn(recordId, prediction)
          ? null
          : prediction;
    }

    private boolean mayHaveTrainedOn(String recordId, TaskPrediction prediction) {
      KnownLabels.Known sample = known.of(recordId).get(prediction.task());
      long version = prediction.headVersion();
      if (sample == null || version == 0) {
        return false; // the head of the bundle was not trained on this stream
      }
      return heads.versions(prediction.task()).stream()
          .filter(head -> head.version() == version)
          .map(HeadInfo::createdAt)
          .findFirst()
          .map(created -> created.isAfter(Instant.ofEpochMilli(sample.since())))
          .orElse(true); // its creation time is no longer known
    }
  }

  private Comparison(List<Task> tasks, Side current, Side reference) {
    this.tasks = tasks;
    this.current = current;
    this.reference = reference;
  }

  /**
   * Reads the topics of both deployments.
   *
   * @param tasks tasks of the new deployment; tasks missing from the reference are not compared
   * @param predictions topic with the predictions of the new deployment
   * @param reference reference deployment, whose labels are the ground truth
   */
  public static Comparison read(
      List<Task> tasks, Deployment current, String predictions, Deployment reference) {
    return new Comparison(
        tasks,
        Side.read(current, predictions, tasks),
        Side.read(reference, reference.topics().predictions().name(), tasks));
  }

  /**
   * Returns the first prediction of each record and task; a later one may come from a newer head.
   */
  private static Map<String, TaskPrediction> predictions(Deployment of, String topic) {
    Map<String, TaskPrediction> first = new HashMap<>();
    try (TopicRange range = TopicRange.all(of.kafka(), topic)) {
      while (range.left() > 0) {
        for (ConsumerRecord<byte[], byte[]> record : range.poll()) {
          prediction(of.topics(), record)
              .ifPresent(
                  p ->
                      p.tasks()
                          .forEach(
                              task -> first.putIfAbsent(p.recordId() + '\0' + task.task(), task)));
        }
      }
    }
    return first;
  }

  private static Optional<Prediction> prediction(
      Topics topics, ConsumerRecord<byte[], byte[]> record) {
    try {
      return Optional.ofNullable(
          topics.predictions().value().deserializer().deserialize(record.topic(), record.value()));
    } catch (SerializationException e) {
      return Optional.empty(); // not written by Headwater
    }
  }

  /**
   * The comparison on one task.
   *
   * @param records number of records compared
   * @param leftOut number of labelled audit samples not compared
   * @param gain accuracy of the new deployment minus that of the reference
   * @param error standard error of the gain
   * @param p two-sided p-value of McNemar's test with mid-p
   */
  public record Result(
      String task,
      String now,
      String before,
      int records,
      int leftOut,
      double accuracy,
      double accuracyBefore,
      int wins,
      int losses,
      double gain,
      double error,
      double p) {
    /** Returns whether the new deployment is significantly worse. */
    public boolean worse() {
      return records > 0 && p <= SIGNIFICANT && gain < 0;
    }

    /** Returns the comparison as several lines of text. */
    public String describe() {
      return """
      %s: %d audit samples predicted by both and not used to train either (%d left out)
        %-20s accuracy %.4f
        %-20s accuracy %.4f
        wins %d, losses %d; gain %+.4f, 95 %% CI [%+.4f, %+.4f], p = %.4f
        %s\
      """
          .formatted(
              task,
              records,
              leftOut,
              now,
              accuracy,
              before,
              accuracyBefore,
              wins,
              losses,
              gain,
              gain - TWO_SIDED_95 * error,
              gain + TWO_SIDED_95 * error,
              p,
              verdict());
    }

    private String verdict() {
      if (records == 0) {
        return "no result: none of these samples has a label yet";
      }
      if (p > SIGNIFICANT) {
        return "no significant difference: wait for more labels, or check whether the interval"
            + " above is narrow enough";
      }
      return worse()
          ? "%s is significantly worse than %s: do not switch over".formatted(now, before)
          : "%s is significantly better than %s".formatted(now, before);
    }
  }

  /** Returns one result per task. */
  public List<Result> results() {
    return tasks.stream().map(this::result).toList();
  }

  private Result result(Task task) {
    List<Trial> trials = new ArrayList<>();
    double correct = 0;
    double correctBefore = 0;
    int audited = 0;
    for (String id : reference.known().records()) {
      KnownLabels.Known label = reference.known().of(id).get(task.name());
      if (label == null || label.reason() != Reason.AUDIT) {
        continue;
      }
      audited++;
      String truth = currentName(task, label.label());
      String predicted = predicted(current, id, task);
      String predictedBefore = predicted(reference, id, task);
      Double accuracy = accuracy(task, predicted, truth);
      Double accuracyBefore = accuracy(task, predictedBefore, truth);
      if (predicted != null
          && predictedBefore != null
          && accuracy != null
          && accuracyBefore != null) {
        correct += accuracy;
        correctBefore += accuracyBefore;
        trials.add(new Trial(truth, predictedBefore, predicted, 1, accuracy - accuracyBefore));
      }
    }
    PairedTest test = new PairedTest(trials);
    int n = trials.size();
    return new Result(
        task.name(),
        current.name(),
        reference.name(),
        n,
        audited - n,
        n == 0 ? 0 : correct / n,
        n == 0 ? 0 : correctBefore / n,
        test.wins(),
        test.losses(),
        test.gain(),
        test.standardError(),
        n == 0 ? 1 : test.pDifferent());
  }

  private @Nullable String predicted(Side side, String recordId, Task task) {
    TaskPrediction prediction = side.heldOutPrediction(recordId, task.name());
    return prediction == null
        ? null
        : currentName(task, String.valueOf(prediction.predictedLabel()));
  }

  /** Returns the current name of a label; either deployment may have renamed it since. */
  private String currentName(Task task, String label) {
    String name = label;
    for (Side side : List.of(reference, current)) {
      name = task.kind().now(side.heads().aliases(task.name()), name).orElse(name);
    }
    return name;
  }

  /**
   * Returns 1 for a correct prediction and 0 for a wrong one; for masks the share of correct
   * pixels, for numbers a value in between. Null without a prediction, or if it has another mask
   * size or output type, which the task of the other deployment may have.
   */
  static @Nullable Double accuracy(Task task, @Nullable String predicted, String label) {
    if (predicted == null) {
      return null;
    }
    if (task.masks().isPresent()) {
      return pixelAccuracy(task.masks().get(), predicted, label);
    }
    return task.kind().problem(predicted) == null && task.kind().problem(label) == null
        ? Double.valueOf(1 - task.kind().error(predicted, label))
        : null;
  }

  private static @Nullable Double pixelAccuracy(Masks masks, String predicted, String label) {
    try {
      byte[] mask = masks.decode(predicted, "mask", null);
      byte[] truth = masks.decode(label, "label", null);
      int correct = 0;
      for (int i = 0; i < truth.length; i++) {
        correct += mask[i] == truth[i] ? 1 : 0;
      }
      return (double) correct / truth.length;
    } catch (InvalidRecordException e) {
      return null; // the masks of the other deployment may have another size
    }
  }
}

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
 * Two deployments on the same records: what each predicted first of those that the audit drew, and
 * so nothing chose, and whose label has come since. A record that one of the heads may have learnt
 * from before it was predicted says nothing and is left out.
 */
public final class Comparison {
  /** At which a difference is called one. */
  private static final double SIGNIFICANT = 0.05;

  /** Of a normal distribution, 95 % within. */
  private static final double TWO_SIDED_95 = 1.96;

  private final List<Task> tasks;
  private final Side now;
  private final Side before;

  /** One deployment. */
  private record Side(
      String name, KnownLabels known, HeadLog heads, Map<String, TaskPrediction> predictions) {
    static Side read(Deployment of, String topic, List<Task> tasks) {
      KnownLabels known = KnownLabels.ofSamples(of, tasks);
      return new Side(of.name(), known, of.heads(), Comparison.predictions(of, topic));
    }

    /** Null where it made none it had not learnt from. */
    @Nullable TaskPrediction unlearnt(String recordId, String task) {
      TaskPrediction prediction = predictions.get(recordId + '\0' + task);
      return prediction == null || !prediction.made() || learnt(recordId, prediction)
          ? null
          : prediction;
    }

    private boolean learnt(String recordId, TaskPrediction prediction) {
      KnownLabels.Known sample = known.of(recordId).get(prediction.task());
      long version = prediction.headVersion();
      if (sample == null || version == 0) {
        return false; // the bundle's own head has learnt nothing here
      }
      return heads.versions(prediction.task()).stream()
          .filter(head -> head.version() == version)
          .map(HeadInfo::createdAt)
          .findFirst()
          .map(created -> created.isAfter(Instant.ofEpochMilli(sample.since())))
          .orElse(true); // so old that nobody knows
    }
  }

  private Comparison(List<Task> tasks, Side now, Side before) {
    this.tasks = tasks;
    this.now = now;
    this.before = before;
  }

  /**
   * Reads both deployments' topics.
   *
   * @param tasks of the new one; those the old one has not are not compared
   * @param predictions the topic that those of the new one are on
   * @param before whose labels are the truth
   */
  public static Comparison read(
      List<Task> tasks, Deployment now, String predictions, Deployment before) {
    return new Comparison(
        tasks,
        Side.read(now, predictions, tasks),
        Side.read(before, before.topics().predictions().name(), tasks));
  }

  /** The first prediction of each record and task: what came again came with more known. */
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
      return Optional.empty(); // somebody else's: nobody here wrote it
    }
  }

  /**
   * How the two did on a task.
   *
   * @param records that both were judged on
   * @param leftOut audited ones with a label that were not
   * @param gain of {@code accuracy} by the new one
   * @param error standard error of it
   * @param p two-sided, by McNemar's test with mid-p
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
    /** Whether the new one is shown to be worse. */
    public boolean worse() {
      return records > 0 && p <= SIGNIFICANT && gain < 0;
    }

    /** The comparison in words, several lines. */
    public String told() {
      return """
          %s: %d audited records that both predicted and neither had learnt from (%d left out)
            %-20s accuracy %.4f
            %-20s accuracy %.4f
            wins %d, losses %d; gain %+.4f, 95 %% within %+.4f and %+.4f; p = %.4f
            %s"""
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
        return "nothing can be said: no such record has a label yet";
      }
      if (p > SIGNIFICANT) {
        return "no difference is shown: wait for more labels, or see whether the range above does";
      }
      return worse()
          ? "%s is worse than %s: do not cut over".formatted(now, before)
          : "%s is better than %s".formatted(now, before);
    }
  }

  /** A result a task. */
  public List<Result> results() {
    return tasks.stream().map(this::result).toList();
  }

  private Result result(Task task) {
    List<Trial> trials = new ArrayList<>();
    double right = 0;
    double rightBefore = 0;
    int audited = 0;
    for (String id : before.known().records()) {
      KnownLabels.Known label = before.known().of(id).get(task.name());
      if (label == null || label.reason() != Reason.AUDIT) {
        continue;
      }
      audited++;
      String truth = called(task, label.label());
      String said = said(now, id, task);
      String saidBefore = said(before, id, task);
      Double accuracy = accuracy(task, said, truth);
      Double accuracyBefore = accuracy(task, saidBefore, truth);
      if (said != null && saidBefore != null && accuracy != null && accuracyBefore != null) {
        right += accuracy;
        rightBefore += accuracyBefore;
        trials.add(new Trial(truth, saidBefore, said, 1, accuracy - accuracyBefore));
      }
    }
    PairedTest test = new PairedTest(trials);
    int n = trials.size();
    return new Result(
        task.name(),
        now.name(),
        before.name(),
        n,
        audited - n,
        n == 0 ? 0 : right / n,
        n == 0 ? 0 : rightBefore / n,
        test.wins(),
        test.losses(),
        test.gain(),
        test.standardError(),
        n == 0 ? 1 : test.pDifferent());
  }

  private @Nullable String said(Side side, String recordId, Task task) {
    TaskPrediction prediction = side.unlearnt(recordId, task.name());
    return prediction == null ? null : called(task, String.valueOf(prediction.said()));
  }

  /** By the names that labels have now: either deployment may have renamed them meanwhile. */
  private String called(Task task, String label) {
    String name = label;
    for (Side side : List.of(before, now)) {
      name = task.kind().now(side.heads().aliases(task.name()), name).orElse(name);
    }
    return name;
  }

  /**
   * 1 where it is right, 0 where it is wrong; of masks the share of pixels, of numbers between;
   * null where nothing was said, a mask is not of the task's size, or what was said is of another
   * kind, for the other deployment's task of the name may be.
   */
  static @Nullable Double accuracy(Task task, @Nullable String said, String label) {
    if (said == null) {
      return null;
    }
    if (task.masks().isPresent()) {
      return pixels(task.masks().get(), said, label);
    }
    return task.kind().problem(said) == null && task.kind().problem(label) == null
        ? Double.valueOf(1 - task.kind().error(said, label))
        : null;
  }

  private static @Nullable Double pixels(Masks masks, String said, String label) {
    try {
      byte[] mask = masks.decode(said, "mask", null);
      byte[] truth = masks.decode(label, "label", null);
      int right = 0;
      for (int i = 0; i < truth.length; i++) {
        right += mask[i] == truth[i] ? 1 : 0;
      }
      return (double) right / truth.length;
    } catch (InvalidRecordException e) {
      return null; // the other deployment's masks may be of another size
    }
  }
}

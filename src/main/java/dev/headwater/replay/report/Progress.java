package dev.headwater.replay.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The progress of a replay at one moment.
 *
 * @param outcomes number of records predicted or dead-lettered
 * @param recordsPerSecond rate over the latest records
 * @param adaptive accuracy of the adaptive head on the first task, see {@link Rolling}
 * @param frozen accuracy of the frozen head on the first task
 * @param confidence mean confidence over the latest records
 * @param unsure number of low-confidence samples with a label
 * @param audit number of audit samples with a label
 * @param labels number of labels delivered, over all tasks
 * @param labelled number of distinct records with a label
 * @param headVersion head of the latest prediction; null without a live head
 * @param versions all candidates evaluated so far
 * @param served versions that have made a prediction
 * @param adaptiveCurve accuracy along the stream, in a fixed number of columns; null without data
 * @param tasks rolling accuracy by task name
 */
public record Progress(
    int records,
    int outcomes,
    int deadLetters,
    int duplicates,
    double recordsPerSecond,
    @Nullable Double adaptive,
    @Nullable Double frozen,
    double confidence,
    int unsure,
    int audit,
    int labels,
    int labelled,
    @Nullable Long headVersion,
    List<ReplayReport.Version> versions,
    List<Long> served,
    List<@Nullable Double> adaptiveCurve,
    List<@Nullable Double> frozenCurve,
    Map<String, Rolling> tasks) {

  /**
   * Accuracy over the latest records.
   *
   * @param adaptive accuracy of the adaptive head; null before the first record with ground truth
   * @param frozen accuracy of the frozen head; also null if it makes no predictions
   */
  public record Rolling(@Nullable Double adaptive, @Nullable Double frozen) {}

  /** Returns whether every record has an outcome. */
  public boolean complete() {
    return outcomes == records;
  }
}

package dev.headwater.replay.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A replay at one moment.
 *
 * @param outcomes records predicted or dead-lettered
 * @param recordsPerSecond over the latest records to arrive
 * @param adaptive of the first task, see {@link Rolling}
 * @param frozen likewise
 * @param confidence rolling mean
 * @param labels delivered, of each task
 * @param labelled records that they are of
 * @param headVersion of the latest prediction; null while no head is live
 * @param versions every candidate judged so far
 * @param served those of them that have made a prediction
 * @param adaptiveCurve accuracy along the stream, a fixed number of columns; null where none yet
 * @param tasks the rolling accuracy of each, by name
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
   * @param adaptive of the head that learns; null before the first judged record
   * @param frozen of the head that does not; null also while nothing is compared
   */
  public record Rolling(@Nullable Double adaptive, @Nullable Double frozen) {}

  /** Whether every record has its outcome. */
  public boolean complete() {
    return outcomes == records;
  }
}

package dev.headwater.schema;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * The predictions of the live heads for one record. All tasks share one value, because with a small
 * network, writing dominates the cost.
 *
 * @param leading prediction of the bundle's first task, serialised at the top level
 * @param otherTasks predictions of the other tasks, in the bundle's order; null if there are none
 */
@JsonSerialize(using = PredictionSerializer.class)
public record Prediction(
    String recordId,
    @JsonUnwrapped TaskPrediction leading,
    Source source,
    @Nullable List<TaskPrediction> otherTasks) {

  /** Header with the version of the head behind the leading prediction, as decimal text. */
  public static final String HEAD_VERSION_HEADER = "headwater-head-version";

  /**
   * Creates the prediction of a record.
   *
   * @param tasks one prediction per task, in the bundle's order; not empty
   */
  public static Prediction of(String recordId, Source source, List<TaskPrediction> tasks) {
    int all = tasks.size();
    return new Prediction(recordId, tasks.get(0), source, all == 1 ? null : tasks.subList(1, all));
  }

  /** Returns the predictions of all tasks, in the bundle's order. */
  public List<TaskPrediction> tasks() {
    List<TaskPrediction> tasks = new ArrayList<>();
    tasks.add(leading);
    if (otherTasks != null) {
      tasks.addAll(otherTasks);
    }
    return tasks;
  }

  /**
   * Adds the head version of the leading task to the record's trace headers.
   *
   * @param trace modified and returned
   */
  public Headers headers(Headers trace) {
    return trace.add(HEAD_VERSION_HEADER, Long.toString(leading.headVersion()).getBytes(US_ASCII));
  }
}

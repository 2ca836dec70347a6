package dev.headwater.schema;

import static java.nio.charset.StandardCharsets.US_ASCII;

import com.fasterxml.jackson.annotation.JsonUnwrapped;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/**
 * What the live heads said of one record: one value a record, however many tasks there are, for
 * with a small network it is the writing that costs.
 *
 * @param leading of the bundle's first task, told as if there were no other
 * @param otherTasks in the bundle's order; null where there is none
 */
@JsonSerialize(using = PredictionSerializer.class)
public record Prediction(
    String recordId,
    @JsonUnwrapped TaskPrediction leading,
    Source source,
    @Nullable List<TaskPrediction> otherTasks) {

  /** Header naming the head that made the leading prediction, as decimal text. */
  public static final String HEAD_VERSION_HEADER = "headwater-head-version";

  /**
   * @param tasks what is said for each, in the bundle's order; one or more
   */
  public static Prediction of(String recordId, Source source, List<TaskPrediction> tasks) {
    int all = tasks.size();
    return new Prediction(recordId, tasks.get(0), source, all == 1 ? null : tasks.subList(1, all));
  }

  /** What is said for each task, in the bundle's order. */
  public List<TaskPrediction> tasks() {
    List<TaskPrediction> tasks = new ArrayList<>();
    tasks.add(leading);
    if (otherTasks != null) {
      tasks.addAll(otherTasks);
    }
    return tasks;
  }

  /**
   * What travels beside it: the trace of its record, and the version of the leading task's head.
   *
   * @param trace added to
   */
  public Headers headers(Headers trace) {
    return trace.add(HEAD_VERSION_HEADER, Long.toString(leading.headVersion()).getBytes(US_ASCII));
  }
}

package dev.headwater.bench;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.http.MicrometerScorerMetrics;
import dev.headwater.replay.Pipeline;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scoring;
import dev.headwater.stream.AnsweredStream;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Headwater's topology with precomputed predictions: no decoding and no inference, but the same
 * outputs, including samples and label requests.
 */
record NoInference(Pipeline pipeline, Backlog backlog, List<AnsweredStream.Known> known)
    implements Contestant {

  /** Computes the prediction of each distinct record. */
  static List<AnsweredStream.Known> known(Pipeline pipeline, Backlog backlog, Scoring scoring)
      throws InvalidRecordException {
    String task = pipeline.bundle().task().name();
    Measure measure = pipeline.stream().selection().doubt(task).measure();
    List<AnsweredStream.Known> known = new ArrayList<>();
    for (int i = 0; i < backlog.distinct(); i++) {
      Inference inference = scoring.infer(backlog.value(i));
      Outcome outcome =
          Outcome.of(inference, 0, scoring.score(inference, 0), measure, pipeline.stream().top());
      known.add(new AnsweredStream.Known(inference.recordId(), List.of(outcome)));
    }
    return known;
  }

  @Override
  public String name() {
    return "noInference";
  }

  @Override
  public AutoCloseable start(
      Topics topics, String group, Path stateDirectory, Map<String, Object> kafka) {
    return new AnsweredStream(
        pipeline.stream(group, stateDirectory),
        pipeline.bundle(),
        topics,
        kafka,
        this::answer,
        new MicrometerScorerMetrics(
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), pipeline.bundle().taskNames()));
  }

  private AnsweredStream.Known answer(Source source) {
    int index = backlog.index(source);
    AnsweredStream.Known answer = known.get(index % backlog.distinct());
    String id = answer.recordId();
    return id == null
        ? answer
        : new AnsweredStream.Known(id + backlog.suffix(index), answer.outcomes());
  }
}

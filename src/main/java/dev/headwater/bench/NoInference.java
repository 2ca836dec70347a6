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
import dev.headwater.stream.PrecomputedStream;
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
record NoInference(Pipeline pipeline, Backlog backlog, List<PrecomputedStream.Precomputed> known)
    implements Variant {

  /** Computes the prediction of each distinct record. */
  static List<PrecomputedStream.Precomputed> known(
      Pipeline pipeline, Backlog backlog, Scoring scoring) throws InvalidRecordException {
    String task = pipeline.bundle().task().name();
    Measure measure = pipeline.stream().selection().lowConfidence(task).measure();
    List<PrecomputedStream.Precomputed> known = new ArrayList<>();
    for (int i = 0; i < backlog.distinct(); i++) {
      Inference inference = scoring.infer(backlog.value(i));
      Outcome outcome =
          Outcome.of(inference, 0, scoring.score(inference, 0), measure, pipeline.stream().topK());
      known.add(new PrecomputedStream.Precomputed(inference.recordId(), List.of(outcome)));
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
    return new PrecomputedStream(
        pipeline.stream(group, stateDirectory),
        pipeline.bundle(),
        topics,
        kafka,
        this::answer,
        new MicrometerScorerMetrics(
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT), pipeline.bundle().taskNames()));
  }

  private PrecomputedStream.Precomputed answer(Source source) {
    int index = backlog.index(source);
    PrecomputedStream.Precomputed answer = known.get(index % backlog.distinct());
    String id = answer.recordId();
    return id == null
        ? answer
        : new PrecomputedStream.Precomputed(id + backlog.suffix(index), answer.outcomes());
  }
}

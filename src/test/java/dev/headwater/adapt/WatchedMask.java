package dev.headwater.adapt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.Tiling;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Json;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.tail.Tail;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a trainer watches of a picture, under the bundle's own head: by the samples that the scorer
 * writes of it, one drawn for its features and one audited, and what the trainer makes of them.
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record WatchedMask(float[] features, double confidence, double error) {
  /**
   * @param stream of records with a field {@code mask}
   */
  public static List<WatchedMask> all(Bundle bundle, Path stream) throws Exception {
    Task task = bundle.task();
    Tiling tiling = task.tiling().orElseThrow();
    Prequential prequential =
        new Prequential(
            task.name(),
            task.kind(),
            Dense.of(task),
            new TailFitter(
                task,
                new TailTuner(
                    Tail.of(task.split()), task.split(), task.rowShapes(), FitSettings.DEFAULT)),
            TrainerMetrics.NOOP);
    prequential.follow(task.head(), Optional.empty());
    List<WatchedMask> watched = new ArrayList<>();
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 32, false), ScorerMetrics.NOOP)) {
      for (String line : Files.readAllLines(stream)) {
        Inference inference = scoring.infer(line.getBytes(UTF_8));
        Outcome outcome =
            Outcome.of(inference, 0, scoring.score(inference, 0), Measure.MAX_PROBABILITY, 1);
        String id = String.valueOf(inference.recordId());
        Sample drawn =
            completed(
                outcome.vector(
                    id,
                    task.name(),
                    task.fingerprint(),
                    task.unlabelledFeatures(outcome.features())),
                Reason.UNLABELLED);
        assertThat(Space.of(task, task).concerns(drawn)).isTrue();
        Sample.Builder audited = outcome.sample(id, task.name(), task.fingerprint(), tiling);
        audited.setLabel(Json.MAPPER.readTree(line).get("mask").asText());
        watched.add(
            new WatchedMask(
                SampleSerde.unpack(drawn),
                drawn.getConfidence(),
                prequential.see(completed(audited, Reason.AUDIT)).orElseThrow()));
      }
    }
    return watched;
  }

  private static Sample completed(Sample.Builder sample, Reason reason) {
    return sample.setReason(reason).setWeight(1).setRecordTime(Instant.EPOCH).build();
  }
}

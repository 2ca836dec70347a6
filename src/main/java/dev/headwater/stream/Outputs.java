package dev.headwater.stream;

import dev.headwater.bundle.Masks;
import dev.headwater.bundle.TileDraw;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.format.ValueReader;
import dev.headwater.scoring.KindAnswer;
import dev.headwater.scoring.Segmentation;
import dev.headwater.stream.ScoringTopology.Task;
import dev.headwater.stream.selection.Selector;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/** What is written down of one record for one task. */
record Outputs(
    Record<byte[], byte[]> record,
    Source source,
    String recordId,
    Task task,
    Scorer.Outcome outcome) {
  Prediction prediction() {
    Segmentation pixels = outcome.pixels();
    Scored best = outcome.best();
    KindAnswer said = outcome.said();
    if (said != null) {
      return new Prediction(
          recordId,
          task.name(),
          null,
          said.said().confidence(),
          outcome.top(),
          outcome.headVersion(),
          source,
          said.estimate() == null ? outcome.frozen() : null,
          null,
          null,
          null,
          null,
          said.labels(),
          said.estimate(),
          said.frozenEstimate());
    }
    if (pixels == null) {
      return new Prediction(
          recordId,
          task.name(),
          best == null ? null : best.label(),
          best == null ? 0 : best.confidence(),
          outcome.top(),
          outcome.headVersion(),
          source,
          outcome.frozen());
    }
    return new Prediction(
        recordId,
        task.name(),
        null,
        pixels.confidence(),
        outcome.top(),
        outcome.headVersion(),
        source,
        null,
        mask(pixels),
        pixels.shares(),
        pixels.leastConfidence(),
        mask(outcome.frozenPixels()));
  }

  private @Nullable String mask(@Nullable Segmentation pixels) {
    Masks masks = task.dense().map(ScoringTopology.Dense::masks).orElse(null);
    return pixels == null || masks == null ? null : masks.encode(pixels.classes());
  }

  @SuppressWarnings("NullAway") // Avro's builder takes null for a nullable field
  Sample sample(Selector.Kept kept, @Nullable String label, long now) {
    Scored best = outcome.best();
    Sample.Builder sample =
        Sample.newBuilder()
            .setRecordId(recordId)
            .setTask(task.name())
            .setBackbone(task.backbone())
            .setReason(kept.reason())
            .setWeight(kept.weight())
            .setPredicted(best == null ? null : best.label())
            .setConfidence((float) outcome.confidence())
            .setHeadVersion(outcome.headVersion())
            .setRecordTime(Instant.ofEpochMilli(record.timestamp()))
            .setLabel(label)
            .setLabelTime(label == null ? null : Instant.ofEpochMilli(now));
    if (task.dense().isPresent()) {
      TileDraw.of(task.dense().get().tiling(), outcome.pixelCertainties(), recordId)
          .write(sample, outcome.features());
    } else {
      sample
          .setRows(1)
          .setDim(outcome.features().length)
          .setFeatures(SampleSerde.pack(outcome.features()));
    }
    return sample.build();
  }

  /**
   * Without what the head said where that would lead the annotator.
   *
   * @param values how the record is read
   */
  ReviewItem reviewItem(Reason reason, ValueReader values) {
    Optional<String> text = values.text(record.value());
    boolean audit = reason == Reason.AUDIT;
    return new ReviewItem(
        recordId,
        task.name(),
        reason,
        text.orElseGet(() -> Base64.getEncoder().encodeToString(record.value())),
        text.isEmpty(),
        audit ? null : outcome.best(),
        source,
        audit ? null : mask(outcome.pixels()));
  }
}

package dev.headwater.stream;

import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Tiling;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.format.ValueReader;
import dev.headwater.scoring.Outcome;
import dev.headwater.stream.ScoringTopology.Task;
import dev.headwater.stream.selection.Selector;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/** The outputs of one record for one task, in the formats of their topics. */
record Outputs(
    Record<byte[], byte[]> record, Source source, String recordId, Task task, Outcome outcome) {
  TaskPrediction prediction() {
    return outcome.prediction(task.name(), masks());
  }

  private @Nullable Masks masks() {
    return task.dense().map(ScoringTopology.Dense::masks).orElse(null);
  }

  @SuppressWarnings("NullAway") // Avro's builder takes null for a nullable field
  Sample sample(Selector.Kept kept, @Nullable String label, long now) {
    Tiling tiling = task.dense().map(ScoringTopology.Dense::tiling).orElse(null);
    Sample.Builder sample =
        kept.reason() == Reason.UNLABELLED
            ? outcome.vector(
                recordId,
                task.name(),
                task.backbone(),
                task.unlabelledFeatures().orElseThrow().apply(outcome.features()))
            : outcome.sample(recordId, task.name(), task.backbone(), tiling);
    return sample
        .setReason(kept.reason())
        .setWeight(kept.weight())
        .setRecordTime(Instant.ofEpochMilli(record.timestamp()))
        .setLabel(label)
        .setLabelTime(label == null ? null : Instant.ofEpochMilli(now))
        .build();
  }

  /**
   * Creates the label request. An audit request has no prediction, which could bias the annotator.
   *
   * @param values reads the record value
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
        audit ? null : outcome.mask(masks()));
  }
}

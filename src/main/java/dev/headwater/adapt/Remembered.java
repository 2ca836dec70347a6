package dev.headwater.adapt;

import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A labelled sample in the replay memory.
 *
 * @param weight importance weight, 1 / inclusion probability
 * @param reason why it was sampled; samples of {@code HISTORY} are never used for evaluation
 * @param partition partition of the samples topic that it was first read from
 * @param offset first offset in that partition
 * @param truth classes of the pixels, for segmentation tasks
 * @param predicted the served prediction; null if no head was live
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Remembered(
    String recordId,
    float[] features,
    String label,
    double weight,
    Reason reason,
    int partition,
    long offset,
    Dense.@Nullable Truth truth,
    @Nullable String predicted) {

  static Remembered of(Sample sample, int partition, long offset) {
    return new Remembered(
        sample.getRecordId(),
        SampleSerde.unpack(sample),
        sample.getLabel(),
        sample.getWeight(),
        sample.getReason(),
        partition,
        offset,
        null,
        sample.getPredicted());
  }

  Remembered with(Dense.@Nullable Truth classes) {
    return new Remembered(
        recordId, features, label, weight, reason, partition, offset, classes, predicted);
  }

  Dense.Truth requireTruth() {
    return Objects.requireNonNull(truth, "a sample of a segmentation task needs a mask");
  }

  /** Returns this sample with another label. */
  Remembered labelled(String name) {
    return new Remembered(
        recordId, features, name, weight, reason, partition, offset, truth, predicted);
  }

  /**
   * Returns this sample with the position of the corrected one: to a head, a correction is not a
   * new sample.
   */
  Remembered correcting(Remembered first) {
    return new Remembered(
        recordId,
        features,
        label,
        weight,
        first.reason,
        first.partition,
        first.offset,
        truth,
        first.predicted);
  }
}

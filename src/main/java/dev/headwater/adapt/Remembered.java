package dev.headwater.adapt;

import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A labelled sample as the memory holds it.
 *
 * @param weight 1 / inclusion probability
 * @param reason labelled history is trained on from the start and never judged on
 * @param partition of the samples topic it was first read from
 * @param offset its first one there
 * @param truth of a dense task, the classes of its pixels
 * @param predicted what was told of it when it was scored; null where no head was live
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
    return Objects.requireNonNull(truth, "a sample of a dense task has a mask");
  }

  /** This, under another name of its label. */
  Remembered labelled(String name) {
    return new Remembered(
        recordId, features, name, weight, reason, partition, offset, truth, predicted);
  }

  /** This, as first read where {@code first} was: a correction is no new sample to a head. */
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

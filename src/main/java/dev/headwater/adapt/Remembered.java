package dev.headwater.adapt;

import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;

/**
 * A labelled sample as the memory holds it.
 *
 * @param weight 1 / inclusion probability
 * @param reason labelled history is trained on from the start and never judged on
 * @param partition of the samples topic it was first read from
 * @param offset its first one there
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Remembered(
    String recordId,
    float[] features,
    String label,
    double weight,
    Reason reason,
    int partition,
    long offset) {

  static Remembered of(Sample sample, int partition, long offset) {
    return new Remembered(
        sample.getRecordId(),
        SampleSerde.unpack(sample),
        sample.getLabel(),
        sample.getWeight(),
        sample.getReason(),
        partition,
        offset);
  }

  /** This, under another name of its label. */
  Remembered labelled(String name) {
    return new Remembered(recordId, features, name, weight, reason, partition, offset);
  }

  /** This, as first read where {@code first} was: a correction is no new sample to a head. */
  Remembered correcting(Remembered first) {
    return new Remembered(
        recordId, features, label, weight, first.reason, first.partition, first.offset);
  }
}

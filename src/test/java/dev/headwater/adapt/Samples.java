package dev.headwater.adapt;

import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.time.Instant;
import java.util.Random;

/** Samples of well-separated labels: {@code l0}, {@code l1} and so on. */
final class Samples {
  private final String task;
  private final String backbone;
  private final int dim;
  private final Random random = new Random(17);

  Samples(String task, String backbone, int dim) {
    this.task = task;
    this.backbone = backbone;
    this.dim = dim;
  }

  /** Label {@code lN}, its features round a centre of its own. */
  Sample of(String recordId, int label) {
    return of(recordId, "l" + label, features(label), Reason.UNSURE, 1);
  }

  /** Such a record whose label nobody told. */
  Sample drawn(String recordId, int label) {
    return Sample.newBuilder(of(recordId, "", features(label), Reason.UNLABELLED, 1))
        .setLabel(null)
        .setLabelTime(null)
        .build();
  }

  Sample of(String recordId, String label, float[] features, Reason reason, double weight) {
    return Sample.newBuilder()
        .setRecordId(recordId)
        .setTask(task)
        .setBackbone(backbone)
        .setRows(1)
        .setDim(features.length)
        .setFeatures(SampleSerde.pack(features))
        .setReason(reason)
        .setWeight(weight)
        .setConfidence(0.5f)
        .setHeadVersion(0)
        .setRecordTime(Instant.EPOCH)
        .setLabel(label)
        .setLabelTime(Instant.EPOCH)
        .build();
  }

  float[] features(int label) {
    float[] row = new float[dim];
    Random centre = new Random(label * 1000L + 1);
    for (int d = 0; d < dim; d++) {
      row[d] = (float) (3 * centre.nextGaussian() + random.nextGaussian());
    }
    return row;
  }
}

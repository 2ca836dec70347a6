package dev.headwater.scoring;

import dev.headwater.bundle.Masks;
import dev.headwater.bundle.TileDraw;
import dev.headwater.bundle.Tiling;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.schema.TaskPrediction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is said of a record for one task.
 *
 * @param label the inline label, null where there is none
 * @param top labels best first, empty while no head is live
 * @param certainty by the measure of the selection; 0 while no head is live
 * @param headVersion 0 while no head is live
 * @param frozen what the head that never learns says, where comparison is on
 * @param pixels what is said of each pixel, null while no head is live and but for dense tasks
 * @param pixelCertainties by the measure of the selection, null where {@code pixels} is
 * @param frozenPixels as {@code frozen}, of a dense task
 * @param said in the words of a task that does not tell one label, null of any other
 */
@SuppressWarnings("ArrayRecordComponent") // passed on at once, never compared
public record Outcome(
    @Nullable String label,
    float[] features,
    List<Scored> top,
    double certainty,
    long headVersion,
    @Nullable Scored frozen,
    @Nullable Segmentation pixels,
    float @Nullable [] pixelCertainties,
    @Nullable Segmentation frozenPixels,
    @Nullable KindAnswer said) {
  /** Of a task that gives records a label. */
  public Outcome(
      @Nullable String label,
      float[] features,
      List<Scored> top,
      double certainty,
      long headVersion,
      @Nullable Scored frozen) {
    this(label, features, top, certainty, headVersion, frozen, null, null, null, null);
  }

  /**
   * What the scores say of an inference.
   *
   * @param task its index in the bundle
   * @param top how many labels are named
   */
  public static Outcome of(Inference inference, int task, Scores scores, Measure measure, int top) {
    Segmentation pixels = scores.pixels();
    return new Outcome(
        inference.label(task),
        inference.features(task),
        scores.top(top),
        scores.certainty(measure),
        scores.head().map(HeadInfo::version).orElse(0L),
        scores.frozen(),
        pixels,
        pixels == null ? null : pixels.certainties(measure),
        scores.frozenPixels(),
        scores.answer());
  }

  /** The answer, null while no head is live, and of a dense task. */
  public @Nullable Scored best() {
    return said != null ? said.said() : top.isEmpty() ? null : top.get(0);
  }

  /** Whether a head was live. */
  public boolean scored() {
    return pixels != null || said != null || !top.isEmpty();
  }

  /** Of the label or of the mask; 0 while no head is live. */
  public double confidence() {
    if (pixels != null) {
      return pixels.confidence();
    }
    return said != null ? said.confidence() : top.isEmpty() ? 0 : top.get(0).confidence();
  }

  /**
   * It as it is written down.
   *
   * @param masks how those of a dense task are written; null of any other
   */
  public TaskPrediction prediction(String task, @Nullable Masks masks) {
    if (said != null) {
      return new TaskPrediction(
          task,
          null,
          said.confidence(),
          top,
          headVersion,
          frozen,
          said.labels(),
          said.estimate(),
          said.frozenEstimate());
    }
    if (pixels == null) {
      Scored best = best();
      return new TaskPrediction(
          task,
          best == null ? null : best.label(),
          best == null ? 0 : best.confidence(),
          top,
          headVersion,
          frozen);
    }
    return new TaskPrediction(
        task,
        pixels.confidence(),
        headVersion,
        mask(pixels, masks),
        pixels.shares(),
        pixels.leastConfidence(),
        mask(frozenPixels, masks));
  }

  /**
   * A sample of it that can be learnt from; the rest is for whoever knows why it is kept, and its
   * label.
   *
   * @param backbone fingerprint of what gave the features
   * @param tiling of a dense task; null of any other
   */
  public Sample.Builder sample(
      String recordId, String task, String backbone, @Nullable Tiling tiling) {
    if (tiling == null) {
      return vector(recordId, task, backbone, features);
    }
    Sample.Builder sample = described(recordId, task, backbone);
    TileDraw.of(tiling, pixelCertainties, recordId).write(sample, features);
    return sample;
  }

  /** As {@link #sample}, of this one vector. */
  public Sample.Builder vector(String recordId, String task, String backbone, float[] vector) {
    return described(recordId, task, backbone)
        .setRows(1)
        .setDim(vector.length)
        .setFeatures(SampleSerde.pack(vector));
  }

  @SuppressWarnings("NullAway") // Avro's builder takes null for a nullable field
  private Sample.Builder described(String recordId, String task, String backbone) {
    Scored best = best();
    return Sample.newBuilder()
        .setRecordId(recordId)
        .setTask(task)
        .setBackbone(backbone)
        .setPredicted(best == null ? null : best.label())
        .setConfidence((float) confidence())
        .setHeadVersion(headVersion);
  }

  private static @Nullable String mask(@Nullable Segmentation pixels, @Nullable Masks masks) {
    return pixels == null || masks == null ? null : masks.encode(pixels.classes());
  }

  /** The mask it tells as it is written, null where it tells none. */
  public @Nullable String mask(@Nullable Masks masks) {
    return mask(pixels, masks);
  }
}

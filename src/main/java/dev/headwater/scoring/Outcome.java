package dev.headwater.scoring;

import dev.headwater.bundle.Masks;
import dev.headwater.bundle.TileSelection;
import dev.headwater.bundle.Tiling;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.schema.TaskPrediction;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The features, label and prediction of one record for one task, and their conversion to topic
 * formats.
 *
 * @param label the inline label; null if there is none
 * @param top most probable labels, best first; empty in a cold start
 * @param selectionConfidence confidence by the measure of the selection; 0 in a cold start
 * @param headVersion version of the live head; 0 in a cold start
 * @param frozen prediction of the frozen head; null unless the comparison is on
 * @param pixels segmentation of a dense task; null for other tasks and in a cold start
 * @param pixelConfidences by the measure of the selection; null if {@code pixels} is
 * @param frozenPixels segmentation of the frozen head; null unless the comparison is on
 * @param answer output of a multi-label or regression task; null for other tasks
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Outcome(
    @Nullable String label,
    float[] features,
    List<Scored> top,
    double selectionConfidence,
    long headVersion,
    @Nullable Scored frozen,
    @Nullable Segmentation pixels,
    float @Nullable [] pixelConfidences,
    @Nullable Segmentation frozenPixels,
    @Nullable KindAnswer answer) {
  /** Creates the outcome of a single-label task. */
  public Outcome(
      @Nullable String label,
      float[] features,
      List<Scored> top,
      double selectionConfidence,
      long headVersion,
      @Nullable Scored frozen) {
    this(label, features, top, selectionConfidence, headVersion, frozen, null, null, null, null);
  }

  /**
   * Combines an inference with its scores.
   *
   * @param task index of the task in the bundle
   * @param topK number of most probable labels to keep
   */
  public static Outcome of(
      Inference inference, int task, Scores scores, Measure measure, int topK) {
    Segmentation pixels = scores.pixels();
    return new Outcome(
        inference.label(task),
        inference.features(task),
        scores.top(topK),
        scores.confidence(measure),
        scores.head().map(HeadInfo::version).orElse(0L),
        scores.frozen(),
        pixels,
        pixels == null ? null : pixels.confidences(measure),
        scores.frozenPixels(),
        scores.answer());
  }

  /** Returns the predicted label; null in a cold start and for dense tasks. */
  public @Nullable Scored best() {
    return answer != null ? answer.best() : top.isEmpty() ? null : top.get(0);
  }

  /** Returns whether a head was live. */
  public boolean isScored() {
    return pixels != null || answer != null || !top.isEmpty();
  }

  /** Returns the confidence of the label or mask; 0 in a cold start. */
  public double confidence() {
    if (pixels != null) {
      return pixels.confidence();
    }
    return answer != null ? answer.confidence() : top.isEmpty() ? 0 : top.get(0).confidence();
  }

  /**
   * Converts it to a prediction.
   *
   * @param masks encodes the mask of a dense task; null for other tasks
   */
  public TaskPrediction prediction(String task, @Nullable Masks masks) {
    if (answer != null) {
      return new TaskPrediction(
          task,
          null,
          answer.confidence(),
          top,
          headVersion,
          frozen,
          answer.labels(),
          answer.estimate(),
          answer.frozenEstimate());
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
   * Starts a sample of its features and prediction. The caller adds reason, weight and label.
   *
   * @param backbone fingerprint of the backbone that computed the features
   * @param tiling tiling of a dense task; null for other tasks
   */
  public Sample.Builder sample(
      String recordId, String task, String backbone, @Nullable Tiling tiling) {
    if (tiling == null) {
      return vector(recordId, task, backbone, features);
    }
    Sample.Builder sample = metadata(recordId, task, backbone);
    TileSelection.of(tiling, pixelConfidences, recordId).write(sample, features);
    return sample;
  }

  /** Starts a sample of one feature vector. */
  public Sample.Builder vector(String recordId, String task, String backbone, float[] vector) {
    return metadata(recordId, task, backbone)
        .setRows(1)
        .setDim(vector.length)
        .setFeatures(SampleSerde.pack(vector));
  }

  @SuppressWarnings("NullAway") // Avro's builder takes null for a nullable field
  private Sample.Builder metadata(String recordId, String task, String backbone) {
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

  /** Returns the encoded mask; null if there is none. */
  public @Nullable String mask(@Nullable Masks masks) {
    return mask(pixels, masks);
  }
}

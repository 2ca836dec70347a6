package dev.headwater.scoring;

import dev.headwater.schema.HeadInfo;
import java.util.LinkedHashMap;
import java.util.Map;

/** The predicted class of every pixel of one record, row by row. */
public final class Segmentation {
  private final Logits logits;
  private final byte[] classes;
  private final float[] confidences;

  private Segmentation(Logits logits, byte[] classes, float[] confidences) {
    this.logits = logits;
    this.classes = classes;
    this.confidences = confidences;
  }

  /**
   * Computes the segmentation.
   *
   * @param logits [classes][pixels]
   */
  static Segmentation of(Logits logits) {
    int count = logits.head().labels().size();
    int pixels = logits.values().length / count;
    byte[] classes = new byte[pixels];
    float[] confidences = new float[pixels];
    float[] probabilities = new float[count];
    for (int i = 0; i < pixels; i++) {
      int best = softmax(logits.values(), i, probabilities);
      if (!Float.isFinite(probabilities[best])) {
        throw logits.notFinite();
      }
      classes[i] = (byte) best;
      confidences[i] = probabilities[best];
    }
    return new Segmentation(logits, classes, confidences);
  }

  /** Computes the class probabilities of one pixel; returns the most probable class. */
  private static int softmax(float[] logits, int pixel, float[] probabilities) {
    int pixels = logits.length / probabilities.length;
    int best = 0;
    for (int c = 0; c < probabilities.length; c++) {
      probabilities[c] = logits[c * pixels + pixel];
      best = probabilities[c] > probabilities[best] ? c : best;
    }
    double greatest = probabilities[best];
    double sum = 0;
    for (float value : probabilities) {
      sum += Math.exp(value - greatest);
    }
    for (int c = 0; c < probabilities.length; c++) {
      probabilities[c] = (float) (Math.exp(probabilities[c] - greatest) / sum);
    }
    return best;
  }

  /** Returns the head that predicted it. */
  public HeadInfo head() {
    return logits.head();
  }

  /** Returns the class of each pixel, as an index into the head's labels. Not a copy. */
  public byte[] classes() {
    return classes;
  }

  /** Returns the confidence of each pixel. The array must not be modified. */
  public float[] confidences(Measure measure) {
    if (measure == Measure.MAX_PROBABILITY) {
      return confidences;
    }
    float[] measured = new float[classes.length];
    float[] probabilities = new float[head().labels().size()];
    for (int i = 0; i < measured.length; i++) {
      softmax(logits.values(), i, probabilities);
      measured[i] = (float) measure.confidence(probabilities);
    }
    return measured;
  }

  /** Returns the confidence of the record: the mean over its pixels. */
  public double confidence(Measure measure) {
    return mean(confidences(measure));
  }

  /** Returns the mean probability of the predicted classes over the pixels. */
  public double confidence() {
    return mean(confidences);
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  /** Returns the probability of the least certain pixel. */
  public double leastConfidence() {
    float least = 1;
    for (float confidence : confidences) {
      least = Math.min(least, confidence);
    }
    return least;
  }

  /** Returns the fraction of the pixels by label, in output order. */
  public Map<String, Double> shares() {
    int[] counts = new int[head().labels().size()];
    for (byte c : classes) {
      counts[c]++;
    }
    Map<String, Double> shares = new LinkedHashMap<>();
    for (int c = 0; c < counts.length; c++) {
      shares.put(head().labels().get(c), (double) counts[c] / classes.length);
    }
    return shares;
  }
}

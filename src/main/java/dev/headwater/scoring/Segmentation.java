package dev.headwater.scoring;

import dev.headwater.schema.HeadInfo;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a head says of every pixel of one record, row by row. */
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
   * @param logits class by class, each a map
   */
  static Segmentation of(Logits logits) {
    int count = logits.head().labels().size();
    int pixels = logits.values().length / count;
    byte[] classes = new byte[pixels];
    float[] confidences = new float[pixels];
    float[] of = new float[count];
    for (int i = 0; i < pixels; i++) {
      int best = softmax(logits.values(), i, of);
      if (!Float.isFinite(of[best])) {
        throw logits.notFinite();
      }
      classes[i] = (byte) best;
      confidences[i] = of[best];
    }
    return new Segmentation(logits, classes, confidences);
  }

  /** Fills in the probabilities of one pixel's classes; returns which is greatest. */
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

  /** The head that said it. */
  public HeadInfo head() {
    return logits.head();
  }

  /** The class of each pixel, by index of the head's labels. The array itself. */
  public byte[] classes() {
    return classes;
  }

  /** How sure each pixel is. Not to be written to. */
  public float[] certainties(Measure measure) {
    if (measure == Measure.MAX_PROBABILITY) {
      return confidences;
    }
    float[] certainties = new float[classes.length];
    float[] of = new float[head().labels().size()];
    for (int i = 0; i < certainties.length; i++) {
      softmax(logits.values(), i, of);
      certainties[i] = (float) measure.certainty(of);
    }
    return certainties;
  }

  /** How sure the record is: the mean over its pixels. */
  public double certainty(Measure measure) {
    return mean(certainties(measure));
  }

  /** The mean over the pixels of the probability of their class. */
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

  /** Of the pixel whose class is least probable. */
  public double leastConfidence() {
    float least = 1;
    for (float confidence : confidences) {
      least = Math.min(least, confidence);
    }
    return least;
  }

  /** The share of the pixels that each label has, by output index. */
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

package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Pixels;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileDraw;
import dev.headwater.bundle.Tiling;
import dev.headwater.gate.Overlap;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is different where every pixel has a class: samples are tiles of a record, and a head is
 * judged by how its masks overlap the true ones, a record being one trial, for its pixels are not
 * independent.
 */
record Dense(Tiling tiling, Masks masks) {
  /** What one record's trial is about; there is one kind. */
  static final String LABEL = "mask";

  /** Keeps one pixel too many, where nothing is to be seen, from being all that counts. */
  private static final double FOUND = 0.01;

  /** Of features in memory; the samples it may hold are bounded by it as well. */
  private static final long BYTES = 512L << 20;

  /**
   * The true classes of a sample's tiles.
   *
   * @param classes of the rows' pixels, one after the other; -1 in the borders
   * @param weights of each row, 1 / inclusion probability
   */
  @SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
  record Truth(byte[] classes, float[] weights) {}

  static Optional<Dense> of(Task task) {
    return task.tiling().map(tiling -> new Dense(tiling, task.masks().orElseThrow()));
  }

  boolean fits(Sample sample) {
    return sample.getDim() == tiling.size()
        && sample.getRows() == sample.getTiles().size()
        && sample.getRows() == sample.getRowWeights().size()
        && sample.getTiles().stream().allMatch(tile -> tile >= 0 && tile < tiling.tiles())
        && truth(sample) != null;
  }

  /** Null where the label is no mask of this task. */
  @Nullable Truth truth(Sample sample) {
    byte[] mask;
    try {
      mask = masks.decode(sample.getLabel(), "label", sample.getRecordId());
    } catch (InvalidRecordException e) {
      return null; // it was one when it came: masks have been declared otherwise since
    }
    int width = tiling.answers();
    byte[] classes = new byte[sample.getRows() * width];
    float[] weights = new float[sample.getRows()];
    for (int row = 0; row < weights.length; row++) {
      System.arraycopy(
          tiling.cut(mask, sample.getTiles().get(row)), 0, classes, row * width, width);
      weights[row] = sample.getRowWeights().get(row);
    }
    return new Truth(classes, weights);
  }

  /** How many samples to remember of as many as are wanted. */
  int capacity(int samples) {
    long bytes = (long) Float.BYTES * tiling.size() * TileDraw.most(tiling);
    return (int) Math.max(10, Math.min(samples, BYTES / bytes));
  }

  /**
   * A pixel of a class that n pixels have counts n^(-balance / 2), their mean being 1. Where a
   * label is a record's, how often it comes changes with the stream; how much of a picture a class
   * covers is part of what the head has to tell, so less of it is taken away.
   */
  Batch batch(List<Remembered> samples, int classes, double balance) {
    double[] counts = new double[classes];
    double pixels = 0;
    List<byte[]> targets = new ArrayList<>();
    for (Remembered sample : samples) {
      byte[] places = sample.requireTruth().classes();
      targets.add(places);
      for (byte place : places) {
        if (place >= 0) {
          counts[place]++;
          pixels++;
        }
      }
    }
    double[] weights = new double[classes];
    double sum = 0;
    for (int c = 0; c < classes; c++) {
      weights[c] = counts[c] == 0 ? 0 : Math.pow(counts[c], -balance / 2);
      sum += weights[c] * counts[c];
    }
    for (int c = 0; c < classes; c++) {
      weights[c] *= pixels / sum;
    }
    double[] equal = new double[samples.size()];
    Arrays.fill(equal, 1);
    return new Batch(
        samples.stream().map(Remembered::features).toList(),
        new int[samples.size()],
        equal,
        new Pixels(targets, weights));
  }

  /** What stands in for a head where none is live: the one class that does best everywhere. */
  List<float[]> constant(List<Remembered> samples, int classes) {
    List<float[]> best = List.of();
    double most = -1;
    for (int c = 0; c < classes; c++) {
      List<float[]> same = new ArrayList<>();
      double sum = 0;
      for (Remembered sample : samples) {
        float[] logits = new float[sample.requireTruth().classes().length * classes];
        for (int row = c; row < logits.length / tiling.answers(); row += classes) {
          Arrays.fill(logits, row * tiling.answers(), (row + 1) * tiling.answers(), 1);
        }
        same.add(logits);
        sum += sample.weight() * found(sample, logits, classes).iou();
      }
      if (sum > most) {
        most = sum;
        best = same;
      }
    }
    return best;
  }

  /** What one head's mask and the other's are worth, by the sample's tiles. */
  Trial trial(Remembered sample, float[] before, float[] after, int classes) {
    Found live = found(sample, before, classes);
    Found now = found(sample, after, classes);
    Overlap overlap =
        new Overlap(
            live.intersection, live.union, now.intersection, now.union, live.right(), now.right());
    return new Trial(LABEL, sample.weight(), now.iou() - live.iou(), overlap);
  }

  /**
   * As the sample's tiles estimate it: intersection and union of every class but the first, which
   * is the background.
   *
   * @param hits pixels whose class is told right, the background's as well
   * @param pixels of the record
   */
  record Found(double intersection, double union, double hits, double pixels) {
    /** The share of the pixels whose class is told right. */
    double right() {
      return hits / pixels;
    }

    /** As if {@link #FOUND} of the picture had been foreground, and found. */
    double iou() {
      double found = FOUND * pixels;
      return (intersection + found) / (union + found);
    }
  }

  Found found(Remembered sample, float[] logits, int classes) {
    Truth truth = sample.requireTruth();
    int width = tiling.answers();
    double intersection = 0;
    double union = 0;
    double hits = 0;
    double pixels = 0;
    for (int i = 0; i < truth.classes().length; i++) {
      int own = truth.classes()[i];
      if (own >= 0) {
        int row = i / width;
        int said = best(logits, row * classes * width + i % width, width, classes);
        double weight = truth.weights()[row];
        pixels += weight;
        hits += said == own ? weight : 0;
        intersection += own > 0 && said == own ? weight : 0;
        union += weight * ((own > 0 ? 1 : 0) + (said > 0 && said != own ? 1 : 0));
      }
    }
    return new Found(intersection, union, hits, pixels);
  }

  /** The mean probability of what is said of a pixel, as the sample's tiles estimate it. */
  double confidence(Remembered sample, float[] logits, int classes) {
    Truth truth = sample.requireTruth();
    int width = tiling.answers();
    double confidence = 0;
    double pixels = 0;
    for (int i = 0; i < truth.classes().length; i++) {
      if (truth.classes()[i] >= 0) {
        int row = i / width;
        int at = row * classes * width + i % width;
        int said = best(logits, at, width, classes);
        double sum = 0; // of exponentials, the best one's being 1
        for (int c = 0; c < classes; c++) {
          sum += Math.exp(logits[at + c * width] - logits[at + said * width]);
        }
        double weight = truth.weights()[row];
        pixels += weight;
        confidence += weight / sum;
      }
    }
    return confidence / pixels;
  }

  private static int best(float[] logits, int at, int step, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++) {
      best = logits[at + c * step] > logits[at + best * step] ? c : best;
    }
    return best;
  }
}

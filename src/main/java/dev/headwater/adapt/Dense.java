package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Pixels;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileSelection;
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
 * Supervision for segmentation: samples are tiles of a record, and heads are compared by mask
 * overlap (IoU). One record is one trial, because the pixels of a record are not independent.
 */
record Dense(Tiling tiling, Masks masks) {
  /** The label of every trial: masks have no labels of their own. */
  static final String LABEL = "mask";

  /**
   * IoU smoothing, as a fraction of the pixels. Without it, one false-positive pixel in an image
   * without foreground would change the IoU from 1 to 0.
   */
  private static final double SMOOTHING = 0.01;

  /** Maximum size of the features in the replay memory, in bytes. */
  private static final long MAX_BYTES = 512L << 20;

  /**
   * The ground truth of a sample's tiles.
   *
   * @param classes class of each pixel, row by row; -1 in the borders
   * @param weights importance weight of each row, 1 / inclusion probability
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

  /** Returns the ground truth, or null if the label is not a mask of this task. */
  @Nullable Truth truth(Sample sample) {
    byte[] mask;
    try {
      mask = masks.decode(sample.getLabel(), "label", sample.getRecordId());
    } catch (InvalidRecordException e) {
      return null; // valid when it was recorded: the bundle's mask declaration has changed since
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

  /** Returns the memory capacity in samples: the requested one, limited to 512 MiB of features. */
  int capacity(int samples) {
    long bytes = (long) Float.BYTES * tiling.size() * TileSelection.most(tiling);
    return (int) Math.max(10, Math.min(samples, MAX_BYTES / bytes));
  }

  /**
   * Returns the training batch. A pixel whose class has n pixels weighs n^(-balance / 2), with mean
   * 1. The balance is halved because the area of a class is part of what the head must predict. The
   * frequency of a record's label, in contrast, changes with the stream.
   */
  Batch batch(List<Remembered> samples, int classes, double balance) {
    double[] counts = new double[classes];
    double pixels = 0;
    List<byte[]> targets = new ArrayList<>();
    for (Remembered sample : samples) {
      byte[] pixelClasses = sample.requireTruth().classes();
      targets.add(pixelClasses);
      for (byte pixelClass : pixelClasses) {
        if (pixelClass >= 0) {
          counts[pixelClass]++;
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

  /** Returns the baseline where no head is live: logits of the one class with the best mean IoU. */
  List<float[]> constant(List<Remembered> samples, int classes) {
    List<float[]> best = List.of();
    double bestSum = -1;
    for (int c = 0; c < classes; c++) {
      List<float[]> constantLogits = new ArrayList<>();
      double sum = 0;
      for (Remembered sample : samples) {
        float[] logits = new float[sample.requireTruth().classes().length * classes];
        for (int row = c; row < logits.length / tiling.answers(); row += classes) {
          Arrays.fill(logits, row * tiling.answers(), (row + 1) * tiling.answers(), 1);
        }
        constantLogits.add(logits);
        sum += sample.weight() * found(sample, logits, classes).iou();
      }
      if (sum > bestSum) {
        bestSum = sum;
        best = constantLogits;
      }
    }
    return best;
  }

  /** Compares the masks of two heads on the sample's tiles. */
  Trial trial(Remembered sample, float[] before, float[] after, int classes) {
    Found live = found(sample, before, classes);
    Found candidate = found(sample, after, classes);
    Overlap overlap =
        new Overlap(
            live.intersection,
            live.union,
            candidate.intersection,
            candidate.union,
            live.right(),
            candidate.right());
    return new Trial(LABEL, sample.weight(), candidate.iou() - live.iou(), overlap);
  }

  /**
   * Pixel counts of a record, estimated from the sample's tiles. Intersection and union cover every
   * class except the first, which is the background.
   *
   * @param hits correctly classified pixels, background included
   * @param pixels pixels of the record
   */
  record Found(double intersection, double union, double hits, double pixels) {
    /** Returns the pixel accuracy. */
    double right() {
      return hits / pixels;
    }

    /** Returns the IoU, smoothed by {@link #SMOOTHING} of the pixels. */
    double iou() {
      double smoothing = SMOOTHING * pixels;
      return (intersection + smoothing) / (union + smoothing);
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
      int target = truth.classes()[i];
      if (target >= 0) {
        int row = i / width;
        int predicted = best(logits, row * classes * width + i % width, width, classes);
        double weight = truth.weights()[row];
        pixels += weight;
        hits += predicted == target ? weight : 0;
        intersection += target > 0 && predicted == target ? weight : 0;
        union += weight * ((target > 0 ? 1 : 0) + (predicted > 0 && predicted != target ? 1 : 0));
      }
    }
    return new Found(intersection, union, hits, pixels);
  }

  /** Returns the mean probability of the predicted classes, estimated from the sample's tiles. */
  double confidence(Remembered sample, float[] logits, int classes) {
    Truth truth = sample.requireTruth();
    int width = tiling.answers();
    double confidence = 0;
    double pixels = 0;
    for (int i = 0; i < truth.classes().length; i++) {
      if (truth.classes()[i] >= 0) {
        int row = i / width;
        int at = row * classes * width + i % width;
        int predicted = best(logits, at, width, classes);
        double sum = 0; // softmax denominator, relative to the highest logit
        for (int c = 0; c < classes; c++) {
          sum += Math.exp(logits[at + c * width] - logits[at + predicted * width]);
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

package dev.headwater.adapt.fit;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Centres each feature and scales it so that a whole vector has a squared norm near 1, whatever the
 * backbone's units: the pull towards the live head then means the same on every backbone. Linear,
 * hence folded into the head exactly.
 */
final class Standardiser {
  /**
   * Of the features' root mean square deviation: a dead feature must not be blown up to a loud one.
   */
  private static final double FLOOR = 0.1;

  /** Of the middling squared norm: a thousand times as long as most, no record tells the scale. */
  private static final double FAR = 1e6;

  /** What a standardised vector's norm, of which most are near 1, is cut to. */
  private static final double LONGEST = 1000;

  private final float[] mean;
  private final float[] scale;

  /**
   * @param batch of which what weighs something and is not far out sets the scale, if anything
   *     does: what a fold guesses, and others do not, must not reach them by it
   * @param centre false where the head has no bias that could take up the shift
   */
  Standardiser(Batch batch, boolean centre) {
    List<float[]> features = near(weighing(batch));
    int dim = features.get(0).length;
    double[] sum = new double[dim];
    double[] squares = new double[dim];
    for (float[] row : features) {
      for (int d = 0; d < dim; d++) {
        sum[d] += row[d];
      }
    }
    for (float[] row : features) {
      for (int d = 0; d < dim; d++) {
        double off = row[d] - sum[d] / features.size();
        squares[d] += off * off;
      }
    }
    mean = new float[dim];
    scale = new float[dim];
    double total = 0;
    for (double square : squares) {
      total += square;
    }
    double floor = FLOOR * Math.sqrt(total / features.size() / dim) + 1e-6;
    for (int d = 0; d < dim; d++) {
      mean[d] = centre ? (float) (sum[d] / features.size()) : 0;
      double deviation = Math.sqrt(squares[d] / features.size());
      scale[d] = (float) (Math.max(deviation, floor) * Math.sqrt(dim));
    }
  }

  private static List<float[]> weighing(Batch batch) {
    List<float[]> features =
        IntStream.range(0, batch.size())
            .filter(i -> batch.weights()[i] > 0)
            .mapToObj(batch.features()::get)
            .toList();
    return features.isEmpty() ? batch.features() : features;
  }

  private static List<float[]> near(List<float[]> features) {
    double[] squares = features.stream().mapToDouble(Standardiser::square).toArray();
    double[] sorted = squares.clone();
    Arrays.sort(sorted);
    double limit = FAR * sorted[sorted.length / 2];
    return limit == 0 || sorted[sorted.length - 1] <= limit
        ? features
        : IntStream.range(0, squares.length)
            .filter(i -> squares[i] <= limit)
            .mapToObj(features::get)
            .toList();
  }

  private static double square(float[] row) {
    double square = 0;
    for (float value : row) {
      square += (double) value * value;
    }
    return square;
  }

  /** What is far out is cut short: as it is, it would leave nothing of the others to learn. */
  float[] features(float[] row) {
    float[] standard = new float[row.length];
    for (int d = 0; d < row.length; d++) {
      standard[d] = (row[d] - mean[d]) / scale[d];
    }
    double square = square(standard);
    if (square > LONGEST * LONGEST) {
      float shorter = (float) (LONGEST / Math.sqrt(square));
      for (int d = 0; d < row.length; d++) {
        standard[d] *= shorter;
      }
    }
    return standard;
  }

  /** The head that says of standardised features what {@code head} says of raw ones. */
  LinearHead inward(LinearHead head) {
    float[] weight = new float[head.weight().length];
    float[] bias = new float[head.classes()];
    for (int c = 0; c < head.classes(); c++) {
      double shift = head.bias()[c];
      for (int d = 0; d < head.dim(); d++) {
        int i = c * head.dim() + d;
        weight[i] = head.weight()[i] * scale[d];
        shift += (double) head.weight()[i] * mean[d];
      }
      bias[c] = (float) shift;
    }
    return new LinearHead(head.classes(), head.dim(), weight, bias);
  }

  /** The inverse of {@link #inward}. */
  LinearHead outward(LinearHead head) {
    float[] weight = new float[head.weight().length];
    float[] bias = new float[head.classes()];
    for (int c = 0; c < head.classes(); c++) {
      double shift = head.bias()[c];
      for (int d = 0; d < head.dim(); d++) {
        int i = c * head.dim() + d;
        weight[i] = head.weight()[i] / scale[d];
        shift -= (double) weight[i] * mean[d];
      }
      bias[c] = (float) shift;
    }
    return new LinearHead(head.classes(), head.dim(), weight, bias);
  }
}

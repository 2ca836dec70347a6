package dev.headwater.bench;

import java.util.Arrays;

/**
 * A least-squares line through values.
 *
 * @param mean mean of the values
 * @param rise increase along the line from the first position to the last
 * @param scatter standard deviation of the values around the line
 */
public record Trend(double mean, double rise, double scatter) {

  /**
   * Fits a line.
   *
   * @param positions ascending positions, with at least two different ones
   * @param values one value per position
   */
  public static Trend of(double[] positions, double[] values) {
    double middle = Arrays.stream(positions).average().orElseThrow();
    double mean = Arrays.stream(values).average().orElseThrow();
    double products = 0;
    double squares = 0;
    for (int i = 0; i < positions.length; i++) {
      products += (positions[i] - middle) * (values[i] - mean);
      squares += (positions[i] - middle) * (positions[i] - middle);
    }
    double slope = products / squares;
    double off = 0;
    for (int i = 0; i < positions.length; i++) {
      off += Math.pow(values[i] - mean - slope * (positions[i] - middle), 2);
    }
    double rise = slope * (positions[positions.length - 1] - positions[0]);
    return new Trend(mean, rise, Math.sqrt(off / positions.length));
  }
}

package dev.headwater.bench;

import java.util.Arrays;

/**
 * A line through values by least squares.
 *
 * @param mean of the values
 * @param rise from the first place to the last, along the line
 * @param scatter standard deviation of the values about it
 */
public record Trend(double mean, double rise, double scatter) {

  /**
   * @param places ascending, two different ones at least
   * @param values as many
   */
  public static Trend of(double[] places, double[] values) {
    double middle = Arrays.stream(places).average().orElseThrow();
    double mean = Arrays.stream(values).average().orElseThrow();
    double products = 0;
    double squares = 0;
    for (int i = 0; i < places.length; i++) {
      products += (places[i] - middle) * (values[i] - mean);
      squares += (places[i] - middle) * (places[i] - middle);
    }
    double slope = products / squares;
    double off = 0;
    for (int i = 0; i < places.length; i++) {
      off += Math.pow(values[i] - mean - slope * (places[i] - middle), 2);
    }
    double rise = slope * (places[places.length - 1] - places[0]);
    return new Trend(mean, rise, Math.sqrt(off / places.length));
  }
}

package dev.headwater.schema;

import org.jspecify.annotations.Nullable;

/**
 * A predicted number and its 90 % prediction interval.
 *
 * @param lower null until enough labels have arrived to compute the interval; likewise {@code
 *     upper}
 */
public record Estimate(double value, @Nullable Double lower, @Nullable Double upper) {
  /** Fraction of the records whose true number the interval is calibrated to contain. */
  public static final double COVERAGE = 0.9;

  /** Returns whether the interval contains the number; false without an interval. */
  public boolean covers(double truth) {
    return lower != null && upper != null && lower <= truth && truth <= upper;
  }
}

package dev.headwater.schema;

import org.jspecify.annotations.Nullable;

/**
 * A number, and where the true one is in nine of ten records.
 *
 * @param lower null while too few labels have come to tell; likewise {@code upper}
 */
public record Estimate(double value, @Nullable Double lower, @Nullable Double upper) {
  /** Share of the records whose true number the interval is made to hold. */
  public static final double COVERAGE = 0.9;

  /** Whether this is the true number by the interval; false where there is none. */
  public boolean covers(double truth) {
    return lower != null && upper != null && lower <= truth && truth <= upper;
  }
}

package dev.headwater.metrics;

/**
 * Whether a component can do its work, with the cause where it cannot.
 *
 * @param cause one sentence; says what is waited for or broken, or what is fine
 */
public record Health(boolean up, String cause) {

  public static Health up(String cause) {
    return new Health(true, cause);
  }

  public static Health down(String cause) {
    return new Health(false, cause);
  }
}

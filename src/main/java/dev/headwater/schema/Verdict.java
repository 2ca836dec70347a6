package dev.headwater.schema;

import java.util.Map;
import java.util.Objects;

/**
 * What the gate decided about a candidate head, and on what.
 *
 * @param reason one sentence a person can act on
 * @param judged labelled samples both heads were judged on
 * @param numbers the figures behind the decision, by stable name
 */
public record Verdict(boolean accepted, String reason, int judged, Map<String, Double> numbers) {

  public Verdict {
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(numbers, "numbers");
  }
}

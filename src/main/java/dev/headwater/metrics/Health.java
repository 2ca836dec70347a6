package dev.headwater.metrics;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The health of a component.
 *
 * @param cause one sentence that explains the state
 * @param parts health of the subcomponents by name; empty if there are none
 */
public record Health(boolean up, String cause, Map<String, Health> parts) {

  public static Health up(String cause) {
    return new Health(true, cause, Map.of());
  }

  public static Health down(String cause) {
    return new Health(false, cause, Map.of());
  }

  /** Combines parts: up if all are up. The cause joins the causes of the parts in that state. */
  public static Health all(Map<String, Health> parts) {
    boolean up = parts.values().stream().allMatch(Health::up);
    String cause =
        parts.values().stream()
            .filter(part -> part.up() == up)
            .map(Health::cause)
            .collect(Collectors.joining("; "));
    return new Health(up, cause, new LinkedHashMap<>(parts));
  }
}

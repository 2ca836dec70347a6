package dev.headwater.metrics;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Whether a component can do its work, with the cause where it cannot.
 *
 * @param cause one sentence; says what is waited for or broken, or what is fine
 * @param parts what it is made of, by name; empty where it is of one piece
 */
public record Health(boolean up, String cause, Map<String, Health> parts) {

  public static Health up(String cause) {
    return new Health(true, cause, Map.of());
  }

  public static Health down(String cause) {
    return new Health(false, cause, Map.of());
  }

  /** Up where all of these are; tells the causes of those that are not, or all of them. */
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

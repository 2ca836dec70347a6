package dev.headwater.schema;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;

/** The configured topic names; there may be several {@code records} topics. */
public record TopicNames(
    List<String> records,
    String predictions,
    String review,
    String labels,
    String pending,
    String labelsById,
    String samples,
    String heads,
    String deadLetters) {
  private static final Pattern LEGAL = Pattern.compile("(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}");

  /**
   * Validates the names.
   *
   * @throws IllegalArgumentException if a name is not legal in Kafka or is used twice
   */
  public TopicNames {
    records = List.copyOf(records);
    List<String> all = new ArrayList<>(records);
    Collections.addAll(
        all, predictions, review, labels, pending, labelsById, samples, heads, deadLetters);
    for (String name : all) {
      if (!LEGAL.matcher(name).matches()) {
        throw new IllegalArgumentException(
            "invalid topic name '%s': expected at most 249 letters, digits, '.', '_' or '-'"
                .formatted(name));
      }
      if (Collections.frequency(all, name) > 1) {
        throw new IllegalArgumentException(
            "topic name '%s' is used twice; topic names must be unique".formatted(name));
      }
    }
    if (records.isEmpty()) {
      throw new IllegalArgumentException("no records topic configured: expected at least one");
    }
  }

  /** Creates names with a common prefix, such as {@code prefix-records}. */
  public static TopicNames prefixed(String prefix) {
    return new TopicNames(
        List.of(prefix + "-records"),
        prefix + "-predictions",
        prefix + "-review",
        prefix + "-labels",
        prefix + "-pending",
        prefix + "-labels-by-id",
        prefix + "-samples",
        prefix + "-heads",
        prefix + "-dead-letters");
  }
}

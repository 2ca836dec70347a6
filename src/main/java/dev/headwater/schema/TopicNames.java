package dev.headwater.schema;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Pattern;

/** The configured name of every topic; {@code records} may name several. */
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
   * @throws IllegalArgumentException where Kafka takes no such name, or a topic would be two of
   *     these
   */
  public TopicNames {
    records = List.copyOf(records);
    List<String> all = new ArrayList<>(records);
    Collections.addAll(
        all, predictions, review, labels, pending, labelsById, samples, heads, deadLetters);
    for (String name : all) {
      if (!LEGAL.matcher(name).matches()) {
        throw new IllegalArgumentException(
            "'%s' is no name of a topic: letters, digits, '.', '_' and '-', at most 249"
                .formatted(name));
      }
      if (Collections.frequency(all, name) > 1) {
        throw new IllegalArgumentException(
            "'%s' is named twice: every topic is for one thing".formatted(name));
      }
    }
    if (records.isEmpty()) {
      throw new IllegalArgumentException("no topic of records is named");
    }
  }

  /** Names under one prefix: {@code prefix-records}, {@code prefix-predictions} and so on. */
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

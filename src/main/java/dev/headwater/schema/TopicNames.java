package dev.headwater.schema;

import java.util.List;

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

package dev.headwater.labelling;

import dev.headwater.schema.Label;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One label of each record: of several annotations the one updated last. Label Studio writes the
 * one created last first, so the order of rows does not tell.
 */
final class Latest {
  // Label Studio's times are ISO-8601 in UTC: their order is that of their text
  private static final Comparator<Answer> ORDER =
      Comparator.comparing(Answer::updatedAt).thenComparing(Answer::createdAt);

  private final Map<String, Answer> answers = new LinkedHashMap<>();

  /**
   * Of those whose times are equal, or empty, the one added last stays.
   *
   * @param updatedAt empty where the file does not say; likewise {@code createdAt}
   */
  void add(Label label, String updatedAt, String createdAt) {
    answers.merge(
        label.recordId(),
        new Answer(label, updatedAt, createdAt),
        (old, next) -> ORDER.compare(old, next) > 0 ? old : next);
  }

  List<Label> labels() {
    return answers.values().stream().map(Answer::label).toList();
  }

  private record Answer(Label label, String updatedAt, String createdAt) {}
}

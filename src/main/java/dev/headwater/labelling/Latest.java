package dev.headwater.labelling;

import dev.headwater.schema.Label;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Keeps one label per record: that of the annotation updated last. The order of rows is not enough,
 * because Label Studio exports the annotation created last first.
 */
final class Latest {
  // Label Studio's times are ISO-8601 in UTC, so they sort as text
  private static final Comparator<Annotation> ORDER =
      Comparator.comparing(Annotation::updatedAt).thenComparing(Annotation::createdAt);

  private final Map<String, Annotation> annotations = new LinkedHashMap<>();

  /**
   * Adds a label. If times are equal or empty, the label added last counts.
   *
   * @param updatedAt empty if the file has no such column; likewise {@code createdAt}
   */
  void add(Label label, String updatedAt, String createdAt) {
    annotations.merge(
        label.recordId(),
        new Annotation(label, updatedAt, createdAt),
        (old, next) -> ORDER.compare(old, next) > 0 ? old : next);
  }

  List<Label> labels() {
    return annotations.values().stream().map(Annotation::label).toList();
  }

  private record Annotation(Label label, String updatedAt, String createdAt) {}
}

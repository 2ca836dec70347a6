package dev.headwater.stream.labels;

import dev.headwater.bundle.InvalidRecordException;
import org.jspecify.annotations.Nullable;

/** Validates labels of a task. */
@FunctionalInterface
public interface LabelCheck {
  /**
   * Validates a label.
   *
   * @param field the field that contains the label, for the error message
   * @throws InvalidRecordException if the label is invalid for every record of the task
   */
  void check(String label, String field, @Nullable String recordId) throws InvalidRecordException;
}

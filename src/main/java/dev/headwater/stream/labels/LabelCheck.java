package dev.headwater.stream.labels;

import dev.headwater.bundle.InvalidRecordException;
import org.jspecify.annotations.Nullable;

/** What a task says of a label. */
@FunctionalInterface
public interface LabelCheck {
  /**
   * @param field where the label was found
   * @throws InvalidRecordException if it can be the label of no record, saying why
   */
  void check(String label, String field, @Nullable String recordId) throws InvalidRecordException;
}

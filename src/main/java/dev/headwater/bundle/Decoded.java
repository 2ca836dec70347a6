package dev.headwater.bundle;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A record, decoded and encoded.
 *
 * @param recordId null if the bundle does not configure an id field
 * @param labels the inline labels by task index, null for a task without one; may be shorter than
 *     the list of tasks
 */
public record Decoded(@Nullable String recordId, List<@Nullable String> labels, Encoded input) {

  /** A record's model input, not yet padded: a pure function of its bytes. */
  public sealed interface Encoded permits TextDecoder.Tokens, FloatRows.Numbers {

    /** Returns the number of tokens, or 1 if every record has the same inference cost. */
    int length();
  }
}

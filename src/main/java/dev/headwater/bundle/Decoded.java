package dev.headwater.bundle;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A record, read and encoded.
 *
 * @param recordId null where the bundle names no field for it
 * @param labels the inline labels by task, null where there is none; may stop short of the tasks
 */
public record Decoded(@Nullable String recordId, List<@Nullable String> labels, Encoded input) {

  /** A record's input to the network, not yet padded: a pure function of its bytes. */
  public sealed interface Encoded permits TextDecoder.Tokens, FloatRows.Numbers {

    /** What it costs beside its batch: its tokens, or 1 where every record costs alike. */
    int length();
  }
}

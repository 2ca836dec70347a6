package dev.headwater.cli;

import dev.headwater.replay.recorded.Bound;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --from}, {@code --until}: a range of the records topics. */
final class RangeOption {
  @Option(
      names = "--from",
      paramLabel = "OFFSET|TIME",
      description =
          "Where to begin: an offset, the same in every partition, or a time such as 2026-01-31 or"
              + " 2026-01-31T12:00:00Z. Default: at the first record there is.")
  private @Nullable String from;

  @Option(
      names = "--until",
      paramLabel = "OFFSET|TIME",
      description = "Where to end, exclusive. Default: at the last record there is at the start.")
  private @Nullable String until;

  Bound from() throws UsageException {
    return bound(from, Bound.BEGINNING);
  }

  Bound until() throws UsageException {
    return bound(until, Bound.NOW);
  }

  boolean given() {
    return from != null || until != null;
  }

  private static Bound bound(@Nullable String text, Bound otherwise) throws UsageException {
    try {
      return text == null ? otherwise : Bound.parse(text);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }
}

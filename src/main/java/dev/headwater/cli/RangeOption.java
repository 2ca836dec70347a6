package dev.headwater.cli;

import dev.headwater.replay.recorded.Bound;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --from} and {@code --until}: a range of the records topics. */
final class RangeOption {
  @Option(
      names = "--from",
      paramLabel = "OFFSET|TIME",
      description =
          "Start of the range, inclusive: an offset, applied to every partition, or a time such as"
              + " 2026-01-31 or 2026-01-31T12:00:00Z. Default: the earliest record.")
  private @Nullable String from;

  @Option(
      names = "--until",
      paramLabel = "OFFSET|TIME",
      description =
          "End of the range, exclusive: an offset or a time. Default: the end of each partition"
              + " when the command starts.")
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

  private static Bound bound(@Nullable String text, Bound defaultBound) throws UsageException {
    try {
      return text == null ? defaultBound : Bound.parse(text);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }
}

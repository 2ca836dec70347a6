package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The gate's decision on a candidate head.
 *
 * @param reason a short text; starts with "withdrawn: " for a head that was live
 * @param judged number of labelled samples that both heads were evaluated on
 * @param numbers the statistics behind the decision, by stable name
 * @param cause the code of a {@link Cause}; null if none applies, as for the head of the bundle and
 *     heads of releases without causes
 */
public record Verdict(
    boolean accepted,
    String reason,
    int judged,
    Map<String, Double> numbers,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String cause) {

  /** The rule that decided, as one of a bounded set. */
  public enum Cause {
    BETTER(true),
    SURER(true),
    KNOWS_MORE(true),
    ALIGNED(true),
    NOT_FINITE(false),
    LACKS_LABELS(false),
    TOO_FEW_SAMPLES(false),
    CLASS_LOSS(false),
    BELOW_FLOOR(false),
    WORSE_ON_KNOWN(false),
    NOT_BETTER(false);

    private final boolean accepts;

    Cause(boolean accepts) {
      this.accepts = accepts;
    }

    public boolean accepts() {
      return accepts;
    }

    /** Returns the name used in topics and metrics. */
    public String code() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  public Verdict {
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(numbers, "numbers");
  }

  public Verdict(boolean accepted, String reason, int judged, Map<String, Double> numbers) {
    this(accepted, reason, judged, numbers, null);
  }

  public static Verdict of(Cause cause, String reason, int judged, Map<String, Double> numbers) {
    return new Verdict(cause.accepts(), reason, judged, numbers, cause.code());
  }

  /** Returns the decision and its reason: {@code accepted: ...}, rejected or withdrawn. */
  public String describe() {
    return describe(accepted, reason);
  }

  /** As {@link #describe()}, for a decision in another form. */
  public static String describe(boolean accepted, String reason) {
    if (accepted) {
      return "accepted: " + reason;
    }
    return reason.startsWith("withdrawn: ") ? reason : "rejected: " + reason;
  }

  /** Returns the same decision with other statistics. */
  public Verdict with(Map<String, Double> others) {
    return new Verdict(accepted, reason, judged, others, cause);
  }
}

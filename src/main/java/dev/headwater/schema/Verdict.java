package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What the gate decided about a candidate head, and on what.
 *
 * @param reason one sentence a person can act on
 * @param judged labelled samples both heads were judged on
 * @param numbers the figures behind the decision, by stable name
 * @param cause the code of a {@link Cause}; null where none of them is it, as for a bundle's own
 *     head, and of heads from before there were causes
 */
public record Verdict(
    boolean accepted,
    String reason,
    int judged,
    Map<String, Double> numbers,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable String cause) {

  /** What decided; the bounded half of the reason. */
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

    /** As topics and metrics name it. */
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

  /** The same decision with other figures. */
  public Verdict with(Map<String, Double> others) {
    return new Verdict(accepted, reason, judged, others, cause);
  }
}

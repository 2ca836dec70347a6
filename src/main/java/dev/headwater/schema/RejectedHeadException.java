package dev.headwater.schema;

import java.util.Locale;

/**
 * Thrown when a head, or a record of the heads topic, must not be used. The current live head keeps
 * serving; the reason is logged and the cause counted.
 */
public final class RejectedHeadException extends Exception {
  private static final long serialVersionUID = 1;

  /** Why the head is rejected, as one of a bounded set. */
  public enum Cause {
    /** Its bytes are not a valid head, or differ from what its manifest states. */
    UNREADABLE,
    /** It belongs to another task, backbone or encoder. */
    FOREIGN,
    /** The epoch of its pointer is outdated. */
    STALE,
    /** Some of its records have not arrived yet. */
    INCOMPLETE,
    /** It does not match the graph, is not finite, or does not reproduce its golden logits. */
    UNFIT,
    /** It has no valid signature. */
    UNSIGNED,
    /** It is larger than a head of this bundle can be, or than this process has memory for. */
    OVERSIZED;

    /** Returns the value of the metric tag. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Cause fault;
  private final String reason;

  /** Creates an exception with {@link Cause#UNREADABLE}. */
  public RejectedHeadException(String reason) {
    this(Cause.UNREADABLE, reason);
  }

  /**
   * @param reason one sentence: what is wrong with the head, and where
   */
  public RejectedHeadException(Cause fault, String reason) {
    super(reason);
    this.fault = fault;
    this.reason = reason;
  }

  public Cause fault() {
    return fault;
  }

  @Override
  public String getMessage() {
    return reason;
  }
}

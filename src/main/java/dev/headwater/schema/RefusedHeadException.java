package dev.headwater.schema;

import java.util.Locale;

/**
 * A head, or the bytes that claim to be one, that must not serve. The head that served before keeps
 * serving; the reason goes to the log and the metrics.
 */
public final class RefusedHeadException extends Exception {
  private static final long serialVersionUID = 1;

  /** What kind of fault it is; the bounded half of the reason. */
  public enum Cause {
    /** Its bytes are no head, or not those that were promised. */
    UNREADABLE,
    /** It belongs to another task, backbone or encoder. */
    FOREIGN,
    /** Its pointer carries an epoch that was overtaken. */
    STALE,
    /** Not all of it has come yet. */
    INCOMPLETE,
    /**
     * It does not fit the graph, is not finite, or says here what it did not say to its trainer.
     */
    UNFIT,
    /** It bears no valid signature. */
    UNSIGNED,
    /** It weighs more than a head of this bundle can, or than this process has room for. */
    OVERSIZED;

    /** As metrics name it. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Cause fault;
  private final String reason;

  /** As {@link Cause#UNREADABLE}. */
  public RefusedHeadException(String reason) {
    this(Cause.UNREADABLE, reason);
  }

  /**
   * @param reason one sentence: what is wrong with the head, and where
   */
  public RefusedHeadException(Cause fault, String reason) {
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

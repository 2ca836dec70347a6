package dev.headwater.schema;

/**
 * A head, or the bytes that claim to be one, that must not serve. The head that served before keeps
 * serving; the reason goes to the log and the metrics.
 */
public final class RefusedHeadException extends Exception {
  private static final long serialVersionUID = 1;

  private final String reason;

  /**
   * @param reason one sentence: what is wrong with the head, and where
   */
  public RefusedHeadException(String reason) {
    super(reason);
    this.reason = reason;
  }

  @Override
  public String getMessage() {
    return reason;
  }
}

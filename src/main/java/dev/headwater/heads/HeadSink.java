package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;

/** Receives the live heads from a {@link HeadFollower}, on the follower's thread. */
public interface HeadSink {

  /**
   * Returns the maximum size of a head in bytes. A larger head is rejected and not kept in memory.
   *
   * @param info metadata from its manifest, not yet verified
   */
  long largest(HeadInfo info);

  /**
   * Installs a complete head of this backbone as the live head.
   *
   * @throws RejectedHeadException if it must not serve; the current live head keeps serving
   */
  void accept(Head head, LivePointer pointer) throws RejectedHeadException;

  /**
   * Installs a complete head of this backbone as the canary, and replaces any earlier canary.
   *
   * @param share fraction of the keys that it serves, in (0, 1)
   * @throws RejectedHeadException if it must not serve; {@link #endCanary} follows
   */
  void canary(Head candidate, double share) throws RejectedHeadException;

  /** Removes the canary, if there is one: the live head serves all keys. */
  void endCanary(String task);

  /**
   * Reports a rejected head, pointer or record. The current live head keeps serving.
   *
   * @param task empty if the record does not belong to a task
   * @param version -1 if the record does not belong to a version
   * @param reason one sentence
   */
  void rejected(String task, long version, RejectedHeadException.Cause cause, String reason);
}

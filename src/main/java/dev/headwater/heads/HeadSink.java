package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;

/** Where a {@link HeadFollower} hands its heads; called on the follower's thread only. */
public interface HeadSink {

  /**
   * Bytes that no head like this one exceeds; of a larger one nothing is kept, and it is refused.
   *
   * @param info what its manifest claims
   */
  long largest(HeadInfo info);

  /**
   * Installs a head whose bytes are whole and which belongs to this backbone.
   *
   * @throws RefusedHeadException where it must not serve all the same; the last one keeps serving
   */
  void accept(Head head, LivePointer pointer) throws RefusedHeadException;

  /**
   * Lets another whole head of this backbone serve a share of the keys, in (0, 1), in place of the
   * one that did before.
   *
   * @throws RefusedHeadException where it must not serve; {@link #endCanary} follows
   */
  void canary(Head candidate, double share) throws RefusedHeadException;

  /** The live head serves all keys; also called where it did before. */
  void endCanary(String task);

  /**
   * Something named live was not accepted, and the last good head serves on.
   *
   * @param task empty where the record does not even name one
   * @param version -1 where the record does not say
   * @param reason a sentence
   */
  void refused(String task, long version, RefusedHeadException.Cause cause, String reason);
}

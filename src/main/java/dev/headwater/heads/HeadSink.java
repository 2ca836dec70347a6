package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;

/** Where a {@link HeadFollower} hands its heads; called on the follower's thread only. */
public interface HeadSink {

  /**
   * Installs a head whose bytes are whole and which belongs to this backbone.
   *
   * @throws RefusedHeadException where it must not serve all the same; the last one keeps serving
   */
  void accept(Head head, LivePointer pointer) throws RefusedHeadException;

  /**
   * Something named live was not accepted, and the last good head serves on.
   *
   * @param task empty where the record does not even name one
   * @param version -1 where the record does not say
   * @param reason a sentence
   */
  void refused(String task, long version, RefusedHeadException.Cause cause, String reason);
}

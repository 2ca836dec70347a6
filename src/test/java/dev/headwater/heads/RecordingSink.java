package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;

/** Remembers what a follower told it; turns down what it is asked to. */
final class RecordingSink implements HeadSink {
  final List<Long> versions = new CopyOnWriteArrayList<>();
  final List<Head> heads = new CopyOnWriteArrayList<>();
  final List<String> canaries = new CopyOnWriteArrayList<>();
  final List<String> refused = new CopyOnWriteArrayList<>();
  final List<RejectedHeadException.Cause> causes = new CopyOnWriteArrayList<>();
  final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
  volatile long turnsDown = -1;
  volatile long breaksOn = -1;
  volatile long largest = Long.MAX_VALUE;

  @Override
  public long largest(HeadInfo info) {
    return largest;
  }

  @Override
  public void accept(Head head, LivePointer pointer) throws RejectedHeadException {
    Throwable failure = failures.poll();
    if (failure instanceof Error error) {
      throw error;
    } else if (failure instanceof RuntimeException passing) {
      throw passing;
    }
    if (pointer.version() == turnsDown) {
      throw new RejectedHeadException("Its golden inputs give other logits.");
    }
    if (pointer.version() == breaksOn) {
      throw new IllegalStateException("the sink broke");
    }
    versions.add(pointer.version());
    heads.add(head);
  }

  @Override
  public void canary(Head candidate, double share) throws RejectedHeadException {
    if (candidate.info().version() == turnsDown) {
      throw new RejectedHeadException(
          RejectedHeadException.Cause.UNFIT, "Its golden inputs give other logits.");
    }
    canaries.add(candidate.info().version() + " for " + share);
  }

  @Override
  public void endCanary(String task) {
    canaries.add("none");
  }

  @Override
  public void rejected(
      String task, long version, RejectedHeadException.Cause cause, String reason) {
    causes.add(cause);
    refused.add(task + " " + version + ": " + reason);
  }
}

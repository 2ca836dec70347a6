package dev.headwater.schema;

import java.time.Instant;
import java.util.Objects;

/**
 * Which head serves a task. Followers take the first pointer with a higher epoch, whatever version
 * it names: a rollback is a new epoch that points at an old head.
 *
 * @param pinned while true the trainer trains and judges, but moves no pointer
 * @param by who moved it: {@code trainer}, {@code cli}, {@code withdrawal}
 */
public record LivePointer(
    String task, long epoch, long version, boolean pinned, String by, Instant at) {

  public LivePointer {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(by, "by");
    Objects.requireNonNull(at, "at");
  }
}

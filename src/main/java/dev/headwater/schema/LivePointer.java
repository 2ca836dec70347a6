package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The head version that serves a task. Followers apply the first pointer with a higher epoch,
 * whatever version it names: a rollback is a new epoch that points to an old head.
 *
 * @param pinned while true, the trainer still trains and evaluates, but does not move the pointer
 * @param by what moved it: {@code trainer}, {@code history}, {@code cli} or {@code withdrawal}
 * @param canary another version that serves a fraction of the keys; null without a canary
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record LivePointer(
    String task,
    long epoch,
    long version,
    boolean pinned,
    String by,
    Instant at,
    @Nullable Canary canary) {

  /**
   * A canary head. The trainer does not promote a new head while it exists.
   *
   * @param share fraction of the keys, in (0, 1)
   */
  public record Canary(long version, double share) {
    public Canary {
      if (!(share > 0 && share < 1)) {
        throw new IllegalArgumentException(
            "canary share must be above 0 and below 1, got " + share);
      }
    }
  }

  public LivePointer {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(by, "by");
    Objects.requireNonNull(at, "at");
  }

  /** Creates a pointer without a canary. */
  public LivePointer(String task, long epoch, long version, boolean pinned, String by, Instant at) {
    this(task, epoch, version, pinned, by, at, null);
  }

  /** Returns whether only an operator may move it: it is pinned or has a canary. */
  public boolean held() {
    return pinned || canary != null;
  }
}

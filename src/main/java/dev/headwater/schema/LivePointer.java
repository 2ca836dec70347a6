package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Which head serves a task. Followers take the first pointer with a higher epoch, whatever version
 * it names: a rollback is a new epoch that points at an old head.
 *
 * @param pinned while true the trainer trains and judges, but moves no pointer
 * @param by who moved it: {@code trainer}, {@code history}, {@code cli}, {@code withdrawal}
 * @param canary another version, that serves a share of the keys; null where none does
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
   * A head on trial. The trainer moves no pointer to a new head meanwhile.
   *
   * @param share of the keys, in (0, 1)
   */
  public record Canary(long version, double share) {
    public Canary {
      if (!(share > 0 && share < 1)) {
        throw new IllegalArgumentException(
            "a canary's share of the keys must be above 0 and below 1, not " + share);
      }
    }
  }

  public LivePointer {
    Objects.requireNonNull(task, "task");
    Objects.requireNonNull(by, "by");
    Objects.requireNonNull(at, "at");
  }

  /** Of one head for all keys. */
  public LivePointer(String task, long epoch, long version, boolean pinned, String by, Instant at) {
    this(task, epoch, version, pinned, by, at, null);
  }

  /** Whether only a person moves it to another head. */
  public boolean held() {
    return pinned || canary != null;
  }
}

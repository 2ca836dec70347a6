package dev.headwater.replay.recorded;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadLog;
import dev.headwater.schema.Head;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.scoring.Scoring;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Installs a fixed set of heads: requested versions, or those that are live now. */
public final class ServedHeads {
  private ServedHeads() {}

  /**
   * Installs one head per task.
   *
   * @param chosen requested versions by task; other tasks use the live head of the topic, or the
   *     head of the bundle without one
   * @param others whether to install heads for tasks without a requested version
   * @return the installed versions by task, without tasks that have no head
   * @throws IllegalArgumentException if a requested version is unknown or has no tensors, or if a
   *     head does not fit the bundle
   */
  public static Map<String, Long> install(
      Scoring scoring, Bundle bundle, HeadLog heads, Map<String, Long> chosen, boolean others) {
    for (Task task : bundle.tasks()) {
      Optional<Long> version =
          Optional.ofNullable(chosen.get(task.name()))
              .or(() -> heads.live(task.name()).filter(live -> others).map(LivePointer::version));
      if (version.isPresent()) {
        install(scoring, head(task, heads, version.get()));
      }
    }
    Map<String, Long> versions = new LinkedHashMap<>();
    scoring.live().forEach((task, info) -> versions.put(task, info.version()));
    return versions;
  }

  private static Head head(Task task, HeadLog heads, long version) {
    return heads
        .head(task.name(), version)
        .or(() -> version == 0 ? task.head() : Optional.empty())
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "task %s has no usable head %d; see 'headwater heads list'"
                        .formatted(task.name(), version)));
  }

  private static void install(Scoring scoring, Head head) {
    try {
      scoring.install(head);
    } catch (RejectedHeadException e) {
      throw new IllegalArgumentException(
          "cannot use head %d of %s: %s"
              .formatted(head.info().version(), head.info().task(), e.getMessage()),
          e);
    }
  }
}

package dev.headwater.replay.recorded;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadLog;
import dev.headwater.schema.Head;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;
import dev.headwater.scoring.Scoring;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The heads to score under where nobody follows them: those live at one moment, or chosen ones. */
public final class ServedHeads {
  private ServedHeads() {}

  /**
   * Puts a head live for each task that has one.
   *
   * @param chosen versions by task; of others what is live on the topic, and where nothing is, the
   *     bundle's own
   * @param others whether tasks without a chosen version have a head, too
   * @return the versions by task; a task without any head is not in it
   * @throws IllegalArgumentException where a chosen version is unknown, has no tensors any more or
   *     does not fit the bundle, or the live one does not
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
                    "task %s has no head %d to use; see 'headwater heads list'"
                        .formatted(task.name(), version)));
  }

  private static void install(Scoring scoring, Head head) {
    try {
      scoring.install(head);
    } catch (RefusedHeadException e) {
      throw new IllegalArgumentException(
          "head %d of %s cannot serve: %s"
              .formatted(head.info().version(), head.info().task(), e.getMessage()),
          e);
    }
  }
}

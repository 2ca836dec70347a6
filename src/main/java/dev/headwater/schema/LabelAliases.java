package dev.headwater.schema;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The renamed, merged and retired labels of a task. Samples and labels keep the names they were
 * written with and are resolved when they are read.
 *
 * @param renamed current name by old name; never a chain of two renames
 * @param retired labels whose samples are excluded from training
 */
public record LabelAliases(String task, Map<String, String> renamed, Set<String> retired) {

  public LabelAliases {
    Objects.requireNonNull(task, "task");
    renamed = Map.copyOf(renamed);
    retired = Set.copyOf(retired);
  }

  /** Returns the aliases of a task without changed labels. */
  public static LabelAliases none(String task) {
    return new LabelAliases(task, Map.of(), Set.of());
  }

  /** Returns the current name of a label; empty if it was retired. */
  public Optional<String> now(String label) {
    return retired.contains(label)
        ? Optional.empty()
        : Optional.of(renamed.getOrDefault(label, label));
  }

  /**
   * Renames a label. The new name may be that of another label, which merges the two, or of a
   * retired label, which reinstates that name.
   */
  public LabelAliases renamed(String label, String to) {
    Map<String, String> names = new HashMap<>(renamed);
    names.replaceAll((old, now) -> now.equals(label) ? to : now);
    names.put(label, to);
    names.remove(to);
    Set<String> gone = new HashSet<>(retired);
    gone.remove(to);
    return new LabelAliases(task, names, gone);
  }

  /** Retires a label under all its names. */
  public LabelAliases retired(String label) {
    Map<String, String> names = new HashMap<>(renamed);
    Set<String> gone = new HashSet<>(retired);
    gone.add(label);
    renamed.forEach(
        (old, now) -> {
          if (now.equals(label)) {
            gone.add(old);
            names.remove(old);
          }
        });
    return new LabelAliases(task, names, gone);
  }
}

package dev.headwater.schema;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * What became of a task's labels: samples and labels under the old names stay as they were written,
 * and count as what the names mean now.
 *
 * @param renamed by old name, never in two steps
 * @param retired labels whose samples are not learned from any more
 */
public record LabelAliases(String task, Map<String, String> renamed, Set<String> retired) {

  public LabelAliases {
    Objects.requireNonNull(task, "task");
    renamed = Map.copyOf(renamed);
    retired = Set.copyOf(retired);
  }

  /** Of a task whose labels are what they always were. */
  public static LabelAliases none(String task) {
    return new LabelAliases(task, Map.of(), Set.of());
  }

  /** What a label means now; empty where it was retired. */
  public Optional<String> now(String label) {
    return retired.contains(label)
        ? Optional.empty()
        : Optional.of(renamed.getOrDefault(label, label));
  }

  /** A label takes this name, one of another label included; a name given up before counts anew. */
  public LabelAliases renamed(String label, String to) {
    Map<String, String> names = new HashMap<>(renamed);
    names.replaceAll((old, now) -> now.equals(label) ? to : now);
    names.put(label, to);
    names.remove(to);
    Set<String> gone = new HashSet<>(retired);
    gone.remove(to);
    return new LabelAliases(task, names, gone);
  }

  /** A label is given up, under all its names. */
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

package dev.headwater.gate;

import java.util.Map;

/**
 * When candidates pass, by task.
 *
 * @param general of every task that has none of its own
 */
public record Gates(GateSettings general, Map<String, GateSettings> byTask) {
  public Gates {
    byTask = Map.copyOf(byTask);
  }

  /** The same for all tasks. */
  public Gates(GateSettings general) {
    this(general, Map.of());
  }

  public GateSettings of(String task) {
    return byTask.getOrDefault(task, general);
  }
}

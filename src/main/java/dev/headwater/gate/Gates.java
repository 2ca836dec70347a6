package dev.headwater.gate;

import java.util.Map;

/**
 * The gate settings of all tasks.
 *
 * @param general the default settings
 * @param byTask overrides by task
 */
public record Gates(GateSettings general, Map<String, GateSettings> byTask) {
  public Gates {
    byTask = Map.copyOf(byTask);
  }

  /** Uses the same settings for all tasks. */
  public Gates(GateSettings general) {
    this(general, Map.of());
  }

  public GateSettings of(String task) {
    return byTask.getOrDefault(task, general);
  }
}

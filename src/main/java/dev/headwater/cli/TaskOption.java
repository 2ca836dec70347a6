package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --task NAME}, the task that a command applies to. */
final class TaskOption {
  @Option(
      names = "--task",
      paramLabel = "NAME",
      description = "Task of the bundle. Default: the first task.")
  private @Nullable String name;

  Task of(Bundle bundle) throws UsageException {
    return bundle.tasks().stream()
        .filter(task -> name == null || task.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "unknown task '%s'; tasks of the bundle: %s"
                        .formatted(name, bundle.tasks().stream().map(Task::name).toList())));
  }
}

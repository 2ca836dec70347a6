package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** {@code --task NAME}, for every command that is about one task. */
final class TaskOption {
  @Option(
      names = "--task",
      paramLabel = "NAME",
      description = "The task. Default: the bundle's first.")
  private @Nullable String name;

  Task of(Bundle bundle) throws UsageException {
    return bundle.tasks().stream()
        .filter(task -> name == null || task.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "the bundle has no task %s; it has %s"
                        .formatted(name, bundle.tasks().stream().map(Task::name).toList())));
  }
}

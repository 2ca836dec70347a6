package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.LivePointer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "heads",
    mixinStandardHelpOptions = true,
    description = "Shows, rolls back and exports head versions.")
final class HeadsCommand {
  private static final String VERSION = "A head version, as 'heads list' shows it.";
  private static final String TASK = "The task. Default: the bundle's first.";

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  HeadsCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description = "Every version with its verdict, oldest first; '*' marks the live one.")
  int list(@Mixin ConfigOption config) throws Exception {
    Settings settings = config.load();
    HeadLog log = log(settings);
    for (String task : log.tasks()) {
      long live = log.live(task).map(LivePointer::version).orElse(0L);
      out().printf("%s: head %d is live%n", task, live);
      for (HeadInfo head : log.versions(task)) {
        out().println(line(head, head.version() == live, log.hasTensors(task, head.version())));
      }
    }
    if (log.tasks().isEmpty()) {
      out().println("no head was ever published: the bundle's own serves, if it has one");
    }
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "One version as JSON: parent, labels, trigger, verdict and its numbers.")
  int show(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Option(names = "--task", paramLabel = "NAME", description = TASK) Optional<String> name)
      throws Exception {
    Settings settings = config.load();
    String task = task(settings.loadBundle(), name).name();
    HeadInfo head =
        log(settings).versions(task).stream()
            .filter(info -> info.version() == version)
            .findFirst()
            .orElseThrow(() -> unknown(task, version));
    out().println(Json.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(head));
    return 0;
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Makes an earlier version live again, on every instance.")
  int rollback(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "VERSION", description = VERSION) long version,
      @Option(names = "--task", paramLabel = "NAME", description = TASK) Optional<String> name)
      throws Exception {
    Settings settings = config.load();
    String task = task(settings.loadBundle(), name).name();
    try (HeadPublisher publisher =
        new HeadPublisher(
            settings.kafka(),
            settings.topics().heads(),
            settings.name() + "-cli",
            settings.heads())) {
      LivePointer live = publisher.point(task, version, false, "cli");
      out().printf("head %d of %s is live from epoch %d%n", version, task, live.epoch());
      return 0;
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage() + "; see 'headwater heads list'");
    }
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Writes backbone and head as one ordinary ONNX file, equal to what serves.")
  int export(
      @Mixin ConfigOption config,
      @Option(
              names = "--head",
              paramLabel = "VERSION",
              description = VERSION + " Default: the live one.")
          Optional<Long> version,
      @Option(names = "--out", required = true, paramLabel = "FILE", description = "The ONNX file.")
          Path file,
      @Option(names = "--task", paramLabel = "NAME", description = TASK) Optional<String> name)
      throws Exception {
    Settings settings = config.load();
    Task task = task(settings.loadBundle(), name);
    Head head = head(task, log(settings), version);
    Path labels = task.export(head, file);
    out()
        .printf(
            "head %d of %s: %s, labels by output index: %s%n",
            head.info().version(), task.name(), file, labels);
    return 0;
  }

  private static Task task(Bundle bundle, Optional<String> name) throws UsageException {
    return bundle.tasks().stream()
        .filter(task -> name.isEmpty() || task.name().equals(name.get()))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "the bundle has no task %s; it has %s"
                        .formatted(
                            name.orElse(""), bundle.tasks().stream().map(Task::name).toList())));
  }

  private static Head head(Task task, HeadLog log, Optional<Long> asked) throws UsageException {
    long version = asked.or(() -> log.live(task.name()).map(LivePointer::version)).orElse(0L);
    return (version == 0 ? task.head() : log.head(task.name(), version))
        .orElseThrow(() -> unknown(task.name(), version));
  }

  private static UsageException unknown(String task, long version) {
    return new UsageException(
        "task %s has no head %d to use; see 'headwater heads list'".formatted(task, version));
  }

  private static HeadLog log(Settings settings) {
    return HeadLog.read(settings.kafka(), settings.topics().heads());
  }

  private static String line(HeadInfo head, boolean live, boolean kept) {
    List<String> labels = head.labels();
    return "%s %4d  parent %-4d %s  %-8s  %3d labels  %s%s"
        .formatted(
            live ? "*" : " ",
            head.version(),
            head.parent(),
            head.createdAt(),
            head.verdict().accepted() ? "accepted" : "refused",
            labels.size(),
            head.verdict().reason(),
            kept || !head.verdict().accepted() ? "" : "  (tensors no longer kept)");
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}

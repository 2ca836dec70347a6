package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.labelling.LabelStudio;
import dev.headwater.labelling.Reviews;
import dev.headwater.labelling.Rows;
import dev.headwater.schema.Head;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.ReviewItem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "review",
    mixinStandardHelpOptions = true,
    description =
        "Exports label requests to annotation tools. 'headwater labels import' imports the labels.")
final class ReviewCommand {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ReviewCommand() {}

  /** An annotation tool. */
  enum Tool {
    LABEL_STUDIO,
    CSV
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Exports the open label requests of the review topic that are younger than"
            + " stream.label-wait.",
        "LABEL_STUDIO: writes tasks.json, to import into a project, and config.xml, to paste into"
            + " its labelling interface. Predictions are pre-annotations, except for audit"
            + " samples.",
        "CSV: writes tasks.csv. Fill in the column 'label' with a label, a number, or a JSON array"
            + " of labels.",
        "Segmentation masks: paint them with the brush of Label Studio, on images of the size of"
            + " the mask; unpainted pixels get the first label. In tasks.csv, masks are"
            + " base64-encoded PNGs."
      })
  int export(
      @Mixin ConfigOption config,
      @Option(
              names = "--out",
              required = true,
              paramLabel = "DIR",
              description = "Output directory. Existing files are overwritten.")
          Path directory,
      @Option(
              names = "--for",
              paramLabel = "TOOL",
              defaultValue = "LABEL_STUDIO",
              description = "Annotation tool: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
          Tool tool,
      @Mixin TaskOption option)
      throws Exception {
    Settings settings = config.load();
    Bundle bundle = settings.loadBundle();
    Task task = option.of(bundle);
    Reviews.Waiting waiting =
        new Reviews(settings.kafka(), settings.topics(), settings.stream().labelWait())
            .waiting(task, Instant.now());
    HeadLog heads =
        HeadLog.read(settings.kafka(), settings.topics().heads(), settings.heads().signatures());
    LabelAliases aliases = heads.aliases(task.name());
    List<String> labels = labels(heads, aliases, task);
    List<ReviewItem> items = Reviews.renamed(task, waiting.items(), aliases, labels);
    Files.createDirectories(directory);
    switch (tool) {
      case LABEL_STUDIO -> {
        LabelStudio studio = new LabelStudio(task, bundle.medium());
        try {
          studio.write(items, directory.resolve("tasks.json"));
        } catch (IllegalArgumentException e) {
          throw new UsageException(String.valueOf(e.getMessage()));
        }
        Files.writeString(directory.resolve("config.xml"), studio.config(labels));
      }
      case CSV -> new Rows(task, bundle.medium()).write(items, directory.resolve("tasks.csv"));
    }
    spec.commandLine()
        .getOut()
        .printf(
            "exported %d label requests of task %s to %s%n%s",
            items.size(),
            task.name(),
            directory,
            waiting.late() == 0
                ? ""
                : ("skipped %d label requests older than stream.label-wait: a label would arrive"
                        + " too late%n")
                    .formatted(waiting.late()));
    return 0;
  }

  /** Returns the labels of the live head, with their current names. */
  private static List<String> labels(HeadLog heads, LabelAliases aliases, Task task) {
    if (task.kind() instanceof Kind.Quantity) {
      return List.of();
    }
    return heads
        .live(task.name())
        .flatMap(pointer -> heads.head(task.name(), pointer.version()))
        .or(task::head)
        .map(Head::info)
        .map(info -> info.labels())
        .orElse(task.labels())
        .stream()
        .flatMap(label -> aliases.now(label).stream())
        .distinct()
        .toList();
  }
}

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
        "What waits for a label, for annotators; 'headwater labels import' is the way back.")
final class ReviewCommand {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ReviewCommand() {}

  /** What annotators work with. */
  enum Tool {
    LABEL_STUDIO,
    CSV
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Writes what is on the review topic, has no label yet and can still get one in time"
            + " (stream.label-wait).",
        "For Label Studio: tasks.json, to be imported into a project, and config.xml, to be pasted"
            + " into its labelling interface. What the head said is shown as a pre-annotation, but"
            + " never of an audited record. Else tasks.csv, to fill in its column label: a label, a"
            + " number, or a JSON array of labels.",
        "Masks are painted with Label Studio's brush, on pictures of the masks' size; what is left"
            + " unpainted is the first label. In tasks.csv they are PNGs in base64."
      })
  int export(
      @Mixin ConfigOption config,
      @Option(
              names = "--out",
              required = true,
              paramLabel = "DIR",
              description = "Where the files go; those there are replaced.")
          Path directory,
      @Option(
              names = "--for",
              paramLabel = "TOOL",
              defaultValue = "LABEL_STUDIO",
              description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
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
            "%d records of %s wait for a label: see %s%n%s",
            items.size(),
            task.name(),
            directory,
            waiting.late() == 0
                ? ""
                : "%d more are left out: they were asked for longer ago than stream.label-wait, and a label would come too late%n"
                    .formatted(waiting.late()));
    return 0;
  }

  /** Those the live head knows, by their names of now. */
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

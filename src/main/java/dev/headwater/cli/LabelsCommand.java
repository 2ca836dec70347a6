package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.adapt.Relabelling;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadPublisher.VersionTakenException;
import dev.headwater.labelling.LabelStudio;
import dev.headwater.labelling.Rows;
import dev.headwater.schema.Head;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
    name = "labels",
    mixinStandardHelpOptions = true,
    description = {
      "Renames, merges, retires, imports and erases labels.",
      "A change to the label set applies to every instance and to all later training. Labels that"
          + " arrive with an old name count under its current name."
    })
final class LabelsCommand {
  private static final String LABEL = "Label of the live head.";

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  LabelsCommand() {}

  @Command(mixinStandardHelpOptions = true, description = "Renames a label.")
  int rename(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "OLD", description = LABEL) String old,
      @Parameters(paramLabel = "NEW", description = "New name, not used by any label before.")
          String name,
      @Mixin TaskOption task)
      throws Exception {
    if (name.isBlank()) {
      throw new UsageException("the new name must not be blank");
    }
    return change(
        config.load(),
        task,
        List.of(old),
        List.of(name),
        aliases -> aliases.renamed(old, name),
        "renamed label %s to %s".formatted(old, name));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Merges one label into another. The next training uses the samples of both.")
  int merge(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "OLD", description = LABEL) String old,
      @Parameters(paramLabel = "INTO", description = "Label of the live head to merge into.")
          String into,
      @Mixin TaskOption task)
      throws Exception {
    if (old.equals(into)) {
      throw new UsageException("a label cannot be merged into itself");
    }
    return change(
        config.load(),
        task,
        List.of(old, into),
        List.of(),
        aliases -> aliases.renamed(old, into),
        "merged label %s into %s".formatted(old, into));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Retires a label. It is no longer predicted and no longer used in training.")
  int retire(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "LABEL", description = LABEL) String label,
      @Mixin TaskOption task)
      throws Exception {
    return change(
        config.load(),
        task,
        List.of(label),
        List.of(),
        aliases -> aliases.retired(label),
        "retired label %s".formatted(label));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Erases a record from the label join, the review queue and the memory of the trainer.",
        "The topics delete its bytes when their retention expires."
      })
  int erase(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "RECORD_ID", description = "Record id, as in predictions.")
          String id)
      throws Exception {
    Settings settings = config.load();
    Map<String, Object> kafka = new HashMap<>(settings.kafka());
    kafka.put(ProducerConfig.ACKS_CONFIG, "all");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.send(tombstone(settings.topicNames().labels(), id)).get();
    } catch (ExecutionException e) {
      throw new KafkaException("the erasure request was not sent", e.getCause());
    }
    out().println("sent the erasure request for record " + id);
    return 0;
  }

  @Command(
      name = "import",
      mixinStandardHelpOptions = true,
      description = {
        "Sends the labels in a file to the labels topic. If any label is invalid, nothing is sent.",
        "FILE is a Label Studio export (JSON, JSON-MIN or CSV), or the CSV file of 'headwater"
            + " review export' with the column 'label' filled in. Rows without a label are skipped."
            + " If a record has several annotations, the one updated last counts."
      })
  int importLabels(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "FILE", description = "Labels file, *.json or *.csv.") Path file,
      @Mixin TaskOption option)
      throws Exception {
    Settings settings = config.load();
    Bundle bundle = settings.loadBundle();
    Task task = option.of(bundle);
    List<Label> labels =
        file.toString().toLowerCase(Locale.ROOT).endsWith(".csv")
            ? new Rows(task, bundle.medium()).read(file)
            : new LabelStudio(task, bundle.medium()).read(file);
    LabelSender.check(task, labels);
    new LabelSender(settings).send(labels);
    out().printf("sent %d labels for task %s%n", labels.size(), task.name());
    return 0;
  }

  @SuppressWarnings("NullAway") // a null value is a tombstone
  private static ProducerRecord<byte[], byte[]> tombstone(String topic, String id) {
    return new ProducerRecord<>(topic, id.getBytes(UTF_8), null);
  }

  private int change(
      Settings settings,
      TaskOption option,
      List<String> known,
      List<String> unknown,
      UnaryOperator<LabelAliases> change,
      String reason)
      throws Exception {
    Task task = option.of(settings.loadBundle());
    if (task.kind() instanceof Kind.Quantity) {
      throw new UsageException(
          "task %s predicts a number and has no labels".formatted(task.name()));
    }
    try (HeadPublisher publisher = HeadsCommand.publisher(settings)) {
      HeadLog log = publisher.read();
      Head live =
          log.live(task.name())
              .flatMap(pointer -> log.head(task.name(), pointer.version()))
              .or(task::head)
              .orElseThrow(
                  () -> new UsageException("task %s has no live head yet".formatted(task.name())));
      HeadsCommand.requireOwn(task, live.info());
      LabelAliases before = log.aliases(task.name());
      check(live, before, known, unknown);
      LabelAliases aliases = change.apply(before);
      Head changed =
          new Relabelling(task, aliases)
              .of(live, log.nextVersion(task.name()), reason, Instant.now());
      if (log.versions(task.name()).isEmpty()) {
        publisher.promote(live, "cli"); // the bundle's head, so that a rollback to it is possible
      }
      LivePointer pointer = publisher.relabel(aliases, changed, "cli");
      out()
          .printf(
              "%s: head %d of %s is live from epoch %d%n",
              reason, pointer.version(), task.name(), pointer.epoch());
      return 0;
    } catch (VersionTakenException e) {
      throw HeadsCommand.meanwhile(e);
    } catch (IllegalArgumentException e) {
      throw new UsageException("cannot change labels: " + e.getMessage());
    }
  }

  /**
   * Rejects a new name that once meant another label: older samples with it would count for this
   * label. Restoring a former name of the same label is safe.
   */
  private static void requireUnusedName(LabelAliases before, String label, String name)
      throws UsageException {
    boolean usedByOther = !label.equals(before.renamed().getOrDefault(name, label));
    if (usedByOther || before.retired().contains(name)) {
      throw new UsageException(
          ("%s was the name of another label, whose samples would count for %s; choose a name that"
                  + " was never used")
              .formatted(name, label));
    }
  }

  private static void check(
      Head live, LabelAliases before, List<String> known, List<String> unknown)
      throws UsageException {
    List<String> labels = live.info().labels();
    for (String label : known) {
      if (!labels.contains(label)) {
        throw new UsageException(
            "unknown label '%s'; labels of the live head: %s".formatted(label, labels));
      }
    }
    for (String label : unknown) {
      if (labels.contains(label)) {
        throw new UsageException(
            "label %s already exists; use 'headwater labels merge' to merge two labels"
                .formatted(label));
      }
      requireUnusedName(before, known.get(0), label);
    }
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}

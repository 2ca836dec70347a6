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
      "Changes the labels of a task, on every instance and for what is learned from now on.",
      "Labels that still come under an old name count as what it means now."
    })
final class LabelsCommand {
  private static final String LABEL = "A label the live head knows.";

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  LabelsCommand() {}

  @Command(mixinStandardHelpOptions = true, description = "Gives a label another name.")
  int rename(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "OLD", description = LABEL) String old,
      @Parameters(paramLabel = "NEW", description = "A name no label has.") String name,
      @Mixin TaskOption task)
      throws Exception {
    if (name.isBlank()) {
      throw new UsageException("a label needs a name");
    }
    return change(
        config.load(),
        task,
        List.of(old),
        List.of(name),
        aliases -> aliases.renamed(old, name),
        "label %s is called %s from now on".formatted(old, name));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Makes one label of two; the next training learns what both were.")
  int merge(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "OLD", description = LABEL) String old,
      @Parameters(paramLabel = "INTO", description = "Another, which stays.") String into,
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
        "label %s is part of %s from now on".formatted(old, into));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = "Gives a label up: it is no longer predicted, nor learned from.")
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
        "label %s is retired".formatted(label));
  }

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Erases a record: the label join, review and the trainer's memory forget it.",
        "Its bytes leave the topics with their retention."
      })
  int erase(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "RECORD_ID", description = "As predictions name it.") String id)
      throws Exception {
    Settings settings = config.load();
    Map<String, Object> kafka = new HashMap<>(settings.kafka());
    kafka.put(ProducerConfig.ACKS_CONFIG, "all");
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
      producer.send(tombstone(settings.topicNames().labels(), id)).get();
    } catch (ExecutionException e) {
      throw new KafkaException("the erasure was not sent", e.getCause());
    }
    out().println("the erasure is on its way");
    return 0;
  }

  @Command(
      name = "import",
      mixinStandardHelpOptions = true,
      description = {
        "Sends the labels in a file to the labels topic: all of them, or none if one cannot be.",
        "FILE is a project exported from Label Studio as JSON, JSON-MIN or CSV, or the CSV of"
            + " 'headwater review export' with its column label filled in. What has no label is"
            + " left out; of a record annotated more than once the annotation updated last counts."
      })
  int importLabels(
      @Mixin ConfigOption config,
      @Parameters(paramLabel = "FILE", description = "*.json or *.csv") Path file,
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
    out().printf("%d labels for %s sent%n", labels.size(), task.name());
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
      throw new UsageException("%s tells a number: it has no labels".formatted(task.name()));
    }
    try (HeadPublisher publisher = HeadsCommand.publisher(settings)) {
      HeadLog log = publisher.read();
      Head live =
          log.live(task.name())
              .flatMap(pointer -> log.head(task.name(), pointer.version()))
              .or(task::head)
              .orElseThrow(
                  () -> new UsageException("no head of %s is live yet".formatted(task.name())));
      HeadsCommand.requireOwn(task, live.info());
      LabelAliases before = log.aliases(task.name());
      check(live, before, known, unknown);
      LabelAliases aliases = change.apply(before);
      Head changed =
          new Relabelling(task, aliases)
              .of(live, log.nextVersion(task.name()), reason, Instant.now());
      if (log.versions(task.name()).isEmpty()) {
        publisher.promote(live, "cli"); // the bundle's own: so that there is a way back
      }
      LivePointer pointer = publisher.relabel(aliases, changed, "cli");
      out()
          .printf(
              "%s: head %d of %s has it, from epoch %d%n",
              reason, pointer.version(), task.name(), pointer.epoch());
      return 0;
    } catch (VersionTakenException e) {
      throw HeadsCommand.meanwhile(e);
    } catch (IllegalArgumentException e) {
      throw new UsageException("this cannot be done: " + e.getMessage());
    }
  }

  /**
   * Samples that were written under a name tell of what it meant then. To take a name back is no
   * harm.
   */
  private static void requireNeverGivenUp(LabelAliases before, String label, String name)
      throws UsageException {
    boolean another = !label.equals(before.renamed().getOrDefault(name, label));
    if (another || before.retired().contains(name)) {
      throw new UsageException(
          "%s was the name of another label: samples of that would count for %s. Choose a name that no label had"
              .formatted(name, label));
    }
  }

  private static void check(
      Head live, LabelAliases before, List<String> known, List<String> unknown)
      throws UsageException {
    List<String> labels = live.info().labels();
    for (String label : known) {
      if (!labels.contains(label)) {
        throw new UsageException("the live head knows no label " + label);
      }
    }
    for (String label : unknown) {
      if (labels.contains(label)) {
        throw new UsageException(
            "there is a label %s already: 'headwater labels merge' makes one of two"
                .formatted(label));
      }
      requireNeverGivenUp(before, known.get(0), label);
    }
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}

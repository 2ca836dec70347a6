package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.replay.recorded.Bound;
import dev.headwater.replay.recorded.KnownLabels;
import dev.headwater.replay.recorded.Reembedding;
import dev.headwater.replay.recorded.ServedHeads;
import dev.headwater.scoring.Scoring;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "samples",
    mixinStandardHelpOptions = true,
    description = "Transfers labelled samples from one deployment to another.")
final class SamplesCommand {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  SamplesCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Re-embeds the labelled samples of an old deployment with the backbone of a new one.",
        "Looks up their records in the records topics by record id, computes features with the new"
            + " backbone, and writes samples to the new deployment. The command is repeatable."
      })
  int reembed(
      @Mixin ConfigOption config,
      @Option(
              names = "--old",
              required = true,
              paramLabel = "FILE",
              description = "Configuration file of the old deployment (YAML).")
          Path old,
      @Mixin RangeOption range)
      throws Exception {
    Settings settings = config.load();
    Settings oldSettings = ConfigOption.other(old);
    Bundle bundle = settings.loadBundle();
    Bound from = range.from();
    Bound until = range.until();
    // outside Lifetime: nothing to close yet, so Ctrl-C may stop the reading at once
    HeadLog heads = ConfigOption.recorded(settings).heads();
    KnownLabels known = KnownLabels.ofSamples(ConfigOption.recorded(oldSettings), bundle.tasks());
    Lifetime.untilSignalled(
        signalled -> {
          try (Scoring scoring = RescoreCommand.load(settings, bundle)) {
            ServedHeads.install(scoring, bundle, heads, Map.of(), true);
            Reembedding.Summary summary =
                new Reembedding(
                        settings.name(),
                        bundle,
                        scoring,
                        settings.topics(),
                        settings.kafka(),
                        spec.commandLine().getErr()::println)
                    .run(known, from, until, signalled);
            spec.commandLine()
                .getOut()
                .printf(
                    "embedded %d of %d labelled records; %s%n",
                    summary.embedded(),
                    known.records().size(),
                    summary.left() == 0
                        ? "%d no longer on %s, %d invalid"
                            .formatted(
                                summary.gone(), settings.topicNames().records(), summary.rejected())
                        : "%d invalid; stopped with %d offsets left; repeat the command"
                            .formatted(summary.rejected(), summary.left()));
          } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
          }
        });
    return 0;
  }
}

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
    description = "Carries the memory of one deployment over to another.")
final class SamplesCommand {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  SamplesCommand() {}

  @Command(
      mixinStandardHelpOptions = true,
      description = {
        "Gives a deployment with a new backbone the labelled samples of an old one.",
        "Finds their records in the records topics by id, and writes samples with the features the"
            + " new backbone makes of them. May be repeated."
      })
  int reembed(
      @Mixin ConfigOption config,
      @Option(
              names = "--old",
              required = true,
              paramLabel = "FILE",
              description = "The configuration of the old deployment.")
          Path old,
      @Mixin RangeOption range)
      throws Exception {
    Settings settings = config.load();
    Settings before = ConfigOption.other(old);
    Bundle bundle = settings.loadBundle();
    Bound from = range.from();
    Bound until = range.until();
    // before there is anything to close: Ctrl-C need not wait for the end of a topic
    HeadLog heads = ConfigOption.recorded(settings).heads();
    KnownLabels known = KnownLabels.ofSamples(ConfigOption.recorded(before), bundle.tasks());
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
                    "%d of %d labelled records embedded; %s%n",
                    summary.embedded(),
                    known.records().size(),
                    summary.left() == 0
                        ? "%d are no longer on %s, %d refused"
                            .formatted(
                                summary.gone(), settings.topicNames().records(), summary.refused())
                        : "%d refused; stopped with %d offsets to go: repeat it"
                            .formatted(summary.refused(), summary.left()));
          } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
          }
        });
    return 0;
  }
}

package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.config.ConfigException;
import dev.headwater.config.Settings;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.recorded.Bound;
import dev.headwater.replay.recorded.Rescoring;
import dev.headwater.scoring.Scoring;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "rescore",
    mixinStandardHelpOptions = true,
    description = {
      "Scores a range of the records topics again, with one head, and writes the predictions to"
          + " another topic.",
      "Predictions and offsets are committed in one transaction. After an interrupted run, the same"
          + " command with --resume continues exactly where it stopped.",
      "Invalid records are logged and counted. Nothing is written to the review, samples and"
          + " dead-letters topics."
    })
final class RescoreCommand implements Callable<Integer> {
  @Mixin private ConfigOption config;
  @Mixin private RangeOption range;
  @Mixin private TaskOption task;

  @Spec private CommandSpec spec;

  @Option(
      names = "--head",
      paramLabel = "VERSION",
      description =
          "Head version of --task to score with. Default: the live head, or with --resume the head"
              + " of the run that is resumed.")
  private @Nullable Long head;

  @Option(
      names = "--to",
      required = true,
      paramLabel = "TOPIC",
      description = "Topic for the predictions, created if it is missing.")
  private String to;

  @Option(
      names = "--resume",
      description = "Continues the last run to the same topic; replaces --from.")
  private boolean resume;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  RescoreCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings settings = config.load();
    Bundle bundle = settings.loadBundle();
    Map<String, Long> chosen = head == null ? Map.of() : Map.of(task.of(bundle).name(), head);
    Bound from = range.from();
    Bound until = range.until();
    Lifetime.untilSignalled(
        signalled -> {
          try (Scoring scoring = load(settings, bundle)) {
            rescore(settings, bundle, scoring, chosen, from, until, signalled);
          } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
          }
        });
    return 0;
  }

  static Scoring load(Settings settings, Bundle bundle) {
    return Scoring.load(
        bundle, settings.topics().formats().records(), settings.scoring(), ScorerMetrics.NOOP);
  }

  private void rescore(
      Settings settings,
      Bundle bundle,
      Scoring scoring,
      Map<String, Long> chosen,
      Bound from,
      Bound until,
      CountDownLatch signalled)
      throws ConfigException {
    Rescoring.Summary summary =
        new Rescoring(
                ConfigOption.recorded(settings),
                bundle,
                scoring,
                settings.topicSettings(),
                settings.stream().topK(),
                chosen,
                spec.commandLine().getErr()::println)
            .run(from, until, resume, to, signalled);
    spec.commandLine()
        .getOut()
        .printf(
            "scored %d records to %s, %d invalid%s%n",
            summary.scored(),
            to,
            summary.invalid(),
            summary.left() == 0
                ? ""
                : "; stopped with %d offsets left; continue with --resume"
                    .formatted(summary.left()));
  }
}

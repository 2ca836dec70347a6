package dev.headwater.cli;

import dev.headwater.config.Settings;
import dev.headwater.replay.recorded.Comparison;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description = {
      "Compares two deployments on the audited records that both have predicted.",
      "Exit code 3 where the new one is shown to be worse."
    })
final class CompareCommand implements Callable<Integer> {
  @Mixin private ConfigOption config;

  @Spec private CommandSpec spec;

  @Option(
      names = "--with",
      required = true,
      paramLabel = "FILE",
      description = "The configuration of the other deployment, whose labels are the truth.")
  private Path other;

  @Option(
      names = "--predictions",
      paramLabel = "TOPIC",
      description = "Where the predictions to compare are, if a rescore has made them.")
  private @Nullable String predictions;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  CompareCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings now = config.load();
    Settings before = ConfigOption.other(other);
    List<Comparison.Result> results =
        Comparison.read(
                now.loadBundle().tasks(),
                ConfigOption.recorded(now),
                predictions == null ? now.topicNames().predictions() : predictions,
                ConfigOption.recorded(before))
            .results();
    results.forEach(result -> spec.commandLine().getOut().println(result.told()));
    return results.stream().anyMatch(Comparison.Result::worse) ? Main.NOT_WELL : 0;
  }
}

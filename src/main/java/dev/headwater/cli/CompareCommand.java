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
      "Compares the predictions of two deployments on the audit samples that both have predicted.",
      "Exits with code 3 if the deployment of --config is significantly worse than that of --with."
    })
final class CompareCommand implements Callable<Integer> {
  @Mixin private ConfigOption config;

  @Spec private CommandSpec spec;

  @Option(
      names = "--with",
      required = true,
      paramLabel = "FILE",
      description =
          "Configuration file of the reference deployment (YAML). Its labels are the ground truth.")
  private Path other;

  @Option(
      names = "--predictions",
      paramLabel = "TOPIC",
      description =
          "Topic with the predictions to compare, for example the output of 'rescore'. Default: the"
              + " predictions topic of --config.")
  private @Nullable String predictions;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  CompareCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings current = config.load();
    Settings reference = ConfigOption.other(other);
    List<Comparison.Result> results =
        Comparison.read(
                current.loadBundle().tasks(),
                ConfigOption.recorded(current),
                predictions == null ? current.topicNames().predictions() : predictions,
                ConfigOption.recorded(reference))
            .results();
    results.forEach(result -> spec.commandLine().getOut().println(result.describe()));
    return results.stream().anyMatch(Comparison.Result::worse) ? Main.NOT_WELL : 0;
  }
}

package dev.headwater.cli;

import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a two-minute demo on an embedded broker. It needs no network and no Kafka.",
      "A transformer classifies support messages. Eight new labels appear in the stream; the"
          + " trainer learns them and promotes new heads while the scorer runs.",
      "Run it from the root of a built project. The demo is configured in"
          + " deploy/examples/support.yaml."
    })
final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      defaultValue = "deploy/examples/support.yaml",
      description = "Configuration file of the demo (YAML). Default: ${DEFAULT-VALUE}.")
  private Path file;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  DemoCommand() {}

  @Override
  public Integer call() throws Exception {
    if (!Files.exists(file)) {
      throw new UsageException(
          "file not found: %s; run the demo from the root of the project, or set --config"
              .formatted(file));
    }
    Settings settings = SettingsLoader.load(file, System.getenv(), Map.of());
    new Replays(settings).run();
    return 0;
  }
}

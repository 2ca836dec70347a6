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
      "Watch a transformer sort a support desk's messages, meet eight kinds it has never seen, learn"
          + " them from the stream and swap itself. Two minutes; needs no network and no Kafka.",
      "Runs from a build of the project: deploy/examples/support.yaml says what."
    })
final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      defaultValue = "deploy/examples/support.yaml",
      description = "The demo's configuration. Default: ${DEFAULT-VALUE}.")
  private Path file;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  DemoCommand() {}

  @Override
  public Integer call() throws Exception {
    if (!Files.exists(file)) {
      throw new UsageException(
          "no %s here: run the demo from the root of the project, or give --config"
              .formatted(file));
    }
    Settings settings = SettingsLoader.load(file, System.getenv(), Map.of());
    new Replays(settings).run();
    return 0;
  }
}

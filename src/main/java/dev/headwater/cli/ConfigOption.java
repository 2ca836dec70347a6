package dev.headwater.cli;

import dev.headwater.config.ConfigException;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.replay.recorded.Deployment;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Option;

/** {@code --config F}, for every command that runs a deployment. */
final class ConfigOption {
  @Option(
      names = "--config",
      required = true,
      paramLabel = "FILE",
      description =
          "The configuration, YAML. Any key can be overridden by an environment variable:"
              + " stream.label-wait by HEADWATER_STREAM_LABEL_WAIT.")
  private Path file;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ConfigOption() {}

  /** For what needs the deployment's broker. */
  Settings load() throws ConfigException {
    Settings settings = load(Map.of());
    settings.requireBroker();
    return settings;
  }

  /** What of a deployment's topics is read again. */
  static Deployment recorded(Settings settings) throws ConfigException {
    settings.requireBroker();
    return new Deployment(
        settings.name(), settings.kafka(), settings.topics(), settings.heads().signatures());
  }

  /**
   * Another deployment. Environment variables that override keys are meant for the first one, but
   * for those of the broker and the registry, which both are on unless their files say otherwise.
   */
  static Settings other(Path file) throws ConfigException {
    return SettingsLoader.other(
        file, System.getenv(), name -> name.matches("HEADWATER_(KAFKA|REGISTRY)_.+"));
  }

  /** With what the command line says on top, by key. */
  Settings load(Map<String, String> overrides) throws ConfigException {
    return SettingsLoader.load(file, System.getenv(), overrides);
  }
}

package dev.headwater.cli;

import dev.headwater.config.ConfigException;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.replay.recorded.Deployment;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Option;

/** {@code --config F}, the configuration file of the deployment. */
final class ConfigOption {
  @Option(
      names = "--config",
      required = true,
      paramLabel = "FILE",
      description =
          "Configuration file (YAML). An environment variable overrides any key, for example"
              + " HEADWATER_STREAM_LABEL_WAIT overrides stream.label-wait.")
  private Path file;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ConfigOption() {}

  /** Loads the settings of a command that needs the broker of the deployment. */
  Settings load() throws ConfigException {
    Settings settings = load(Map.of());
    settings.requireBroker();
    return settings;
  }

  /** Returns how to read the topics of a deployment. */
  static Deployment recorded(Settings settings) throws ConfigException {
    settings.requireBroker();
    return new Deployment(
        settings.name(), settings.kafka(), settings.topics(), settings.heads().signatures());
  }

  /**
   * Loads the settings of a second deployment. Environment variables override keys of the first
   * deployment only, except the broker and registry keys, which both deployments share by default.
   */
  static Settings other(Path file) throws ConfigException {
    return SettingsLoader.other(
        file, System.getenv(), name -> name.matches("HEADWATER_(KAFKA|REGISTRY)_.+"));
  }

  /** Loads the settings; the overrides by key (from the command line) take precedence. */
  Settings load(Map<String, String> overrides) throws ConfigException {
    return SettingsLoader.load(file, System.getenv(), overrides);
  }
}

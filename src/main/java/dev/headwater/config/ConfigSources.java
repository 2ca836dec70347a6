package dev.headwater.config;

import io.smallrye.config.EnvConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.config.source.yaml.YamlConfigSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One YAML file under environment variables: key {@code stream.label-wait} is also {@code
 * HEADWATER_STREAM_LABEL_WAIT}, and {@code ${NAME}} in a value is the variable NAME.
 */
final class ConfigSources {
  private static final int FILE_ORDINAL = 100;
  private static final int ENVIRONMENT_ORDINAL = 300;
  private static final int COMMAND_LINE_ORDINAL = 400;
  private static final String KAFKA = SettingsLoader.PREFIX + ".kafka.";
  private static final String REGISTRY = SettingsLoader.PREFIX + ".registry.";

  /**
   * Ours in what is passed through, {@code ${VARIABLE:default}} and {@code ${VARIABLE}}: variables
   * with a default are in capitals, for {@code ${provider:path:key}} belongs to Kafka's config
   * providers (KIP-297).
   */
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{(?:(\\w+)|([A-Z0-9_]+):([^}]*))}");

  private ConfigSources() {}

  static SmallRyeConfig read(
      Path file, Map<String, String> environment, Map<String, String> overrides)
      throws IOException {
    Map<String, String> written =
        new YamlConfigSource(file.toString(), Files.readString(file)).getProperties();
    return new SmallRyeConfigBuilder()
        .addDefaultInterceptors()
        .withSources(
            new YamlConfigSource(file.toString(), prefixed(written), FILE_ORDINAL),
            new EnvConfigSource(environment, ENVIRONMENT_ORDINAL),
            new YamlConfigSource("command line", prefixed(overrides), COMMAND_LINE_ORDINAL))
        .withMapping(RawConfig.class)
        .withMappingIgnore(KAFKA + "**")
        .withMappingIgnore(REGISTRY + "**")
        .build();
  }

  /**
   * Kafka client properties, by Kafka's own names. All but our variables is passed on as it is
   * written: no other syntax of ours may change a password.
   *
   * @throws IllegalArgumentException where a variable is not set
   */
  static Map<String, Object> kafka(SmallRyeConfig config) {
    return passedThrough(config, KAFKA);
  }

  /** Properties of the schema registry's client, likewise; empty where there is none. */
  static Map<String, Object> registry(SmallRyeConfig config) {
    return passedThrough(config, REGISTRY);
  }

  private static Map<String, Object> passedThrough(SmallRyeConfig config, String prefix) {
    Map<String, Object> properties = new TreeMap<>();
    for (String key : config.getPropertyNames()) {
      if (key.startsWith(prefix)) {
        String name = key.substring(prefix.length()).replace("\"", "");
        properties.put(name, expanded(name, config.getConfigValue(key).getRawValue(), config));
      }
    }
    return properties;
  }

  private static String expanded(String key, String raw, SmallRyeConfig config) {
    return VARIABLE
        .matcher(raw)
        .replaceAll(
            found -> {
              String variable = found.group(found.group(1) == null ? 2 : 1);
              @Nullable String value = config.getConfigValue(variable).getRawValue();
              if (value == null && found.group(3) == null) {
                throw new IllegalArgumentException(
                    "%s needs the environment variable %s, which is not set"
                        .formatted(key, variable));
              }
              return Matcher.quoteReplacement(value == null ? found.group(3) : value);
            });
  }

  private static Map<String, String> prefixed(Map<String, String> keys) {
    Map<String, String> prefixed = new TreeMap<>();
    keys.forEach((key, value) -> prefixed.put(SettingsLoader.PREFIX + "." + key, value));
    return prefixed;
  }
}

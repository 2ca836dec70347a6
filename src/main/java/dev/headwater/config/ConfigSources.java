package dev.headwater.config;

import io.smallrye.config.ConfigValue;
import io.smallrye.config.EnvConfigSource;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.config.source.yaml.YamlConfigSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/**
 * The sources of a configuration: one YAML file, environment variables, and command-line overrides.
 * Key {@code stream.label-wait} is also {@code HEADWATER_STREAM_LABEL_WAIT}, and {@code ${NAME}} in
 * a value is replaced by the variable NAME.
 */
final class ConfigSources {
  /** Ordinal of variables that only replace keys missing in the file. */
  static final int DEFAULTS_ORDINAL = 50;

  static final int ENVIRONMENT_ORDINAL = 300;
  private static final int FILE_ORDINAL = 100;
  private static final int COMMAND_LINE_ORDINAL = 400;
  private static final String KAFKA = SettingsLoader.PREFIX + ".kafka.";
  private static final String REGISTRY = SettingsLoader.PREFIX + ".registry.";

  /**
   * Our variables in passed-through values: {@code ${VARIABLE}} and {@code ${VARIABLE:default}}.
   * Variables with a default must be upper case, because {@code ${provider:path:key}} belongs to
   * Kafka's config providers (KIP-297).
   */
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{(?:(\\w+)|([A-Z0-9_]+):([^}]*))}");

  private ConfigSources() {}

  /**
   * Builds the configuration.
   *
   * @param environment values for {@code ${NAME}}
   * @param keys selects the variables that may set keys
   * @param ordinal precedence of these variables
   * @param ignored keys that are read as if not set; required ones get a placeholder
   */
  static SmallRyeConfig read(
      Path file,
      String text,
      Map<String, String> environment,
      Predicate<String> keys,
      int ordinal,
      Map<String, String> overrides,
      Set<String> ignored)
      throws IOException {
    Map<String, String> fileKeys =
        new TreeMap<>(new YamlConfigSource(file.toString(), text).getProperties());
    Map<String, String> variables = new TreeMap<>(environment);
    variables.keySet().removeIf(keys.negate());
    Map<String, String> options = new TreeMap<>(overrides);
    for (String key : ignored) {
      fileKeys.keySet().removeIf(name -> name.equals(key) || name.startsWith(key + "["));
      variables.remove(
          ("headwater_" + key).replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT));
      options.remove(key);
    }
    if (!ignored.isEmpty()) {
      fileKeys.putIfAbsent("name", "placeholder");
      fileKeys.putIfAbsent("bundle.directory", "placeholder");
    }
    return new SmallRyeConfigBuilder()
        .addDefaultInterceptors()
        .withSources(
            new YamlConfigSource(file.toString(), prefixed(fileKeys), FILE_ORDINAL),
            new PropertiesConfigSource(environment, "environment", ENVIRONMENT_ORDINAL),
            new EnvConfigSource(variables, ordinal),
            new YamlConfigSource("command line", prefixed(options), COMMAND_LINE_ORDINAL))
        .withMapping(RawConfig.class)
        .withMappingIgnore(KAFKA + "**")
        .withMappingIgnore(REGISTRY + "**")
        .build();
  }

  /**
   * Parses the YAML document itself, for checks that the flattened properties do not allow.
   *
   * @throws MarkedYAMLException if it is not valid YAML, or has a duplicate key
   */
  static @Nullable Object parse(String text) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    return new Yaml(new SafeConstructor(options)).load(text);
  }

  /**
   * Returns the Kafka client properties, under Kafka's own names. Only our variables are expanded,
   * so that no other syntax can change a password.
   *
   * @throws IllegalArgumentException if variables are not set, listing all of them
   */
  static Map<String, Object> kafka(SmallRyeConfig config) {
    return passedThrough(config, KAFKA);
  }

  /** Returns the properties of the schema registry client, likewise; empty without a registry. */
  static Map<String, Object> registry(SmallRyeConfig config) {
    return passedThrough(config, REGISTRY);
  }

  private static Map<String, Object> passedThrough(SmallRyeConfig config, String prefix) {
    // the file has kafka."linger.ms", a variable kafka.linger.ms: the higher ordinal wins
    Map<String, ConfigValue> strongest = new TreeMap<>();
    for (String key : config.getPropertyNames()) {
      if (key.startsWith(prefix)) {
        strongest.merge(
            key.substring(prefix.length()).replace("\"", ""),
            config.getConfigValue(key),
            (a, b) -> a.getConfigSourceOrdinal() > b.getConfigSourceOrdinal() ? a : b);
      }
    }
    Map<String, Object> properties = new TreeMap<>();
    Set<String> unset = new TreeSet<>();
    strongest.forEach(
        (name, value) -> properties.put(name, expanded(name, value.getRawValue(), config, unset)));
    if (!unset.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", unset));
    }
    return properties;
  }

  private static String expanded(String key, String raw, SmallRyeConfig config, Set<String> unset) {
    return VARIABLE
        .matcher(raw)
        .replaceAll(
            match -> {
              String variable = match.group(match.group(1) == null ? 2 : 1);
              @Nullable String value = config.getConfigValue(variable).getRawValue();
              @Nullable String used = value == null ? match.group(3) : value;
              if (used == null) {
                unset.add("%s: environment variable %s is not set".formatted(key, variable));
              }
              return used == null ? "" : Matcher.quoteReplacement(used);
            });
  }

  private static Map<String, String> prefixed(Map<String, String> keys) {
    Map<String, String> prefixed = new TreeMap<>();
    keys.forEach((key, value) -> prefixed.put(SettingsLoader.PREFIX + "." + key, value));
    return prefixed;
  }
}

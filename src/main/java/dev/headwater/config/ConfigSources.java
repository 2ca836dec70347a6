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
 * One YAML file under environment variables: key {@code stream.label-wait} is also {@code
 * HEADWATER_STREAM_LABEL_WAIT}, and {@code ${NAME}} in a value is the variable NAME.
 */
final class ConfigSources {
  /** Of variables that the file overrides. */
  static final int DEFAULTS_ORDINAL = 50;

  static final int ENVIRONMENT_ORDINAL = 300;
  private static final int FILE_ORDINAL = 100;
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

  /**
   * @param environment for {@code ${NAME}}
   * @param keys which of it are keys
   * @param ordinal of these
   * @param left keys that are read as if nobody had set them; those that have no default have one
   *     then
   */
  static SmallRyeConfig read(
      Path file,
      String text,
      Map<String, String> environment,
      Predicate<String> keys,
      int ordinal,
      Map<String, String> overrides,
      Set<String> left)
      throws IOException {
    Map<String, String> written =
        new TreeMap<>(new YamlConfigSource(file.toString(), text).getProperties());
    Map<String, String> variables = new TreeMap<>(environment);
    variables.keySet().removeIf(keys.negate());
    Map<String, String> options = new TreeMap<>(overrides);
    for (String key : left) {
      written.keySet().removeIf(name -> name.equals(key) || name.startsWith(key + "["));
      variables.remove(
          ("headwater_" + key).replaceAll("[^A-Za-z0-9]", "_").toUpperCase(Locale.ROOT));
      options.remove(key);
    }
    if (!left.isEmpty()) {
      written.putIfAbsent("name", "left");
      written.putIfAbsent("bundle.directory", "left");
    }
    return new SmallRyeConfigBuilder()
        .addDefaultInterceptors()
        .withSources(
            new YamlConfigSource(file.toString(), prefixed(written), FILE_ORDINAL),
            new PropertiesConfigSource(environment, "environment", ENVIRONMENT_ORDINAL),
            new EnvConfigSource(variables, ordinal),
            new YamlConfigSource("command line", prefixed(options), COMMAND_LINE_ORDINAL))
        .withMapping(RawConfig.class)
        .withMappingIgnore(KAFKA + "**")
        .withMappingIgnore(REGISTRY + "**")
        .build();
  }

  /**
   * The document by itself, for what its properties no longer show.
   *
   * @throws MarkedYAMLException where it is none, or has a key twice
   */
  static @Nullable Object parse(String text) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    return new Yaml(new SafeConstructor(options)).load(text);
  }

  /**
   * Kafka client properties, by Kafka's own names. All but our variables is passed on as it is
   * written: no other syntax of ours may change a password.
   *
   * @throws IllegalArgumentException where variables are not set, naming them all
   */
  static Map<String, Object> kafka(SmallRyeConfig config) {
    return passedThrough(config, KAFKA);
  }

  /** Properties of the schema registry's client, likewise; empty where there is none. */
  static Map<String, Object> registry(SmallRyeConfig config) {
    return passedThrough(config, REGISTRY);
  }

  private static Map<String, Object> passedThrough(SmallRyeConfig config, String prefix) {
    // kafka."linger.ms" of a file is kafka.linger.ms of a variable: who overrides is the one to ask
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
      throw new IllegalArgumentException(String.join(", and ", unset));
    }
    return properties;
  }

  private static String expanded(String key, String raw, SmallRyeConfig config, Set<String> unset) {
    return VARIABLE
        .matcher(raw)
        .replaceAll(
            found -> {
              String variable = found.group(found.group(1) == null ? 2 : 1);
              @Nullable String value = config.getConfigValue(variable).getRawValue();
              @Nullable String used = value == null ? found.group(3) : value;
              if (used == null) {
                unset.add(
                    "%s needs the environment variable %s, which is not set"
                        .formatted(key, variable));
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

package dev.headwater.config;

import io.smallrye.config.ConfigMappings;
import io.smallrye.config.ConfigMappings.ConfigClass;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The tree of all configuration keys, for checks that SmallRye does not do. */
final class Keys {
  private static final String LIST = "[*]";
  private static final String ANY = "*";
  private static final Set<String> NAMES =
      ConfigMappings.getProperties(ConfigClass.configClass(RawConfig.class)).keySet();
  private static final Keys ROOT = root();

  /**
   * Known variables: configuration keys, logging, the data directory of the examples, and those
   * that Kubernetes sets for a service.
   */
  private static final Pattern VARIABLES =
      Pattern.compile(
          NAMES.stream()
              .map(Keys::variable)
              .reduce(
                  "HEADWATER_(KAFKA|REGISTRY)_.+|HEADWATER_(LOG_LEVEL|DATA)"
                      + "|HEADWATER_(.+_)?(SERVICE_HOST|(SERVICE_)?PORT(_.+)?)",
                  (one, other) -> one + "|" + other));

  private final Map<String, Keys> children = new TreeMap<>();
  private boolean isList;

  private Keys() {}

  private static Keys root() {
    Keys root = new Keys();
    for (String name : NAMES) {
      Keys at = root;
      String path = name.endsWith(LIST) ? name.substring(0, name.length() - LIST.length()) : name;
      for (String key : path.substring(SettingsLoader.PREFIX.length() + 1).split("\\.")) {
        at = at.children.computeIfAbsent(key, k -> new Keys());
      }
      at.isList |= name.endsWith(LIST);
    }
    return root;
  }

  /** Returns a pattern that matches any index of a list and any key of a map. */
  private static String variable(String name) {
    return name.toUpperCase(Locale.ROOT)
        .replace(LIST, "_\\d+_")
        .replace(ANY, ".+")
        .replaceAll("[-.](?!\\+)", "_");
  }

  /** Finds sections that have a value, and values that have a list or a section. */
  static List<String> misplaced(@Nullable Object document) {
    List<String> problems = new ArrayList<>();
    ROOT.misplaced(document, "", problems);
    return problems;
  }

  private void misplaced(@Nullable Object node, String path, List<String> problems) {
    if (node instanceof Map<?, ?> section && !children.isEmpty()) {
      section.forEach(
          (key, value) -> {
            Keys child = children.getOrDefault(String.valueOf(key), children.get(ANY));
            if (child != null) { // SmallRye reports unknown keys
              child.misplaced(value, path.isEmpty() ? "" + key : path + "." + key, problems);
            }
          });
    } else if (node != null && !children.isEmpty()) {
      problems.add(path + ": expected a section with nested keys, got a value or a list");
    } else if (node instanceof List<?> values
        && (!isList || values.stream().anyMatch(v -> v instanceof Map || v instanceof List))) {
      problems.add(
          path
              + (isList
                  ? ": expected a list of plain values"
                  : ": expected a single value, got a list"));
    }
  }

  /** Finds HEADWATER_ variables that are not keys and that the file does not reference. */
  static Set<String> strayVariables(Set<String> variables, String file) {
    Set<String> stray = new TreeSet<>(variables);
    stray.removeIf(
        name ->
            !name.startsWith("HEADWATER_")
                || VARIABLES.matcher(name).matches()
                || file.contains("${" + name));
    return stray;
  }
}

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

/** Every key there is, for the mistakes that the library passes over. */
final class Keys {
  private static final String LIST = "[*]";
  private static final String ANY = "*";
  private static final Set<String> NAMES =
      ConfigMappings.getProperties(ConfigClass.configClass(RawConfig.class)).keySet();
  private static final Keys ROOT = root();

  /** Of a configuration, of logging, of the examples, and of what Kubernetes tells of a service. */
  private static final Pattern VARIABLES =
      Pattern.compile(
          NAMES.stream()
              .map(Keys::variable)
              .reduce(
                  "HEADWATER_(KAFKA|REGISTRY)_.+|HEADWATER_(LOG_LEVEL|DATA)"
                      + "|HEADWATER_(.+_)?(SERVICE_HOST|(SERVICE_)?PORT(_.+)?)",
                  (one, other) -> one + "|" + other));

  private final Map<String, Keys> below = new TreeMap<>();
  private boolean list;

  private Keys() {}

  private static Keys root() {
    Keys root = new Keys();
    for (String name : NAMES) {
      Keys at = root;
      String path = name.endsWith(LIST) ? name.substring(0, name.length() - LIST.length()) : name;
      for (String key : path.substring(SettingsLoader.PREFIX.length() + 1).split("\\.")) {
        at = at.below.computeIfAbsent(key, k -> new Keys());
      }
      at.list |= name.endsWith(LIST);
    }
    return root;
  }

  /** A pattern: of lists any index, of maps any key. */
  private static String variable(String name) {
    return name.toUpperCase(Locale.ROOT)
        .replace(LIST, "_\\d+_")
        .replace(ANY, ".+")
        .replaceAll("[-.](?!\\+)", "_");
  }

  /** Sections that are given a value, and values that are given a list or a section. */
  static List<String> misplaced(@Nullable Object document) {
    List<String> problems = new ArrayList<>();
    ROOT.misplaced(document, "", problems);
    return problems;
  }

  private void misplaced(@Nullable Object node, String path, List<String> problems) {
    if (node instanceof Map<?, ?> section && !below.isEmpty()) {
      section.forEach(
          (key, value) -> {
            Keys child = below.getOrDefault(String.valueOf(key), below.get(ANY));
            if (child != null) { // what is unknown, the library tells
              child.misplaced(value, path.isEmpty() ? "" + key : path + "." + key, problems);
            }
          });
    } else if (node != null && !below.isEmpty()) {
      problems.add(path + ": is a section, its keys have to stand below it");
    } else if (node instanceof List<?> values
        && (!list || values.stream().anyMatch(v -> v instanceof Map || v instanceof List))) {
      problems.add(path + (list ? ": is a list of values" : ": is one value, not a list"));
    }
  }

  /** Variables that look like keys, but are none and do not stand in the file either. */
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

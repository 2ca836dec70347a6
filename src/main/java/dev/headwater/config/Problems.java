package dev.headwater.config;

import io.smallrye.config.ConfigValidationException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.yaml.snakeyaml.constructor.DuplicateKeyException;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** What is wrong with a configuration, gathered so that it is told at once. */
final class Problems {
  private static final String KEY = Pattern.quote(SettingsLoader.PREFIX + ".") + "(.+?)";
  private static final Pattern MISSING =
      Pattern.compile("SRCFG00014: The config property " + KEY + " is required.*");
  private static final Pattern UNKNOWN =
      Pattern.compile("SRCFG00050: " + KEY + " in (.+) does not map to any root");
  private static final Pattern UNSET =
      Pattern.compile("SRCFG00011: Could not expand value (\\S+) in property " + KEY);
  private static final Pattern REFUSED =
      Pattern.compile(
          "SRCFG00039: The config property "
              + KEY
              + " with the config value \"(.*)\" threw an Exception whilst being converted (?:SRCFG\\d+: )?(.*)",
          Pattern.DOTALL);

  /** Of whose keys a section is built, beside its own. */
  private static final Map<String, String> READS =
      Map.of("topics", "stream", "selection", "tasks", "tasks", "gate");

  private final Set<String> found = new TreeSet<>();
  private final Set<String> keys = new TreeSet<>();

  /** What is wrong with keys by themselves, each before a colon; the first of a key is kept. */
  void add(List<String> problems) {
    for (String problem : problems) {
      if (keys.add(problem.split(": ", 2)[0].split("\\[", 2)[0])) {
        found.add(problem);
      }
    }
  }

  /** Asked for a section that has problems, or is built of one. */
  private static final class UnbuiltException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    UnbuiltException(String key) {
      super(key + " has problems");
    }
  }

  /** Builds a section; a refusal is remembered under its key. */
  <T> Supplier<T> section(String key, Supplier<T> build) {
    try {
      T built = build.get();
      return () -> built;
    } catch (IllegalArgumentException e) {
      refuse(key, e);
    } catch (UnbuiltException e) {
      // what it is built of has been refused, and told
    }
    return () -> {
      throw new UnbuiltException(key);
    };
  }

  /** Likewise, for what others are built of: they go on with {@code instead}. */
  <T> T section(String key, Supplier<T> build, T instead) {
    try {
      return build.get();
    } catch (IllegalArgumentException e) {
      refuse(key, e);
      return instead;
    }
  }

  /** What a section lacks while a key that it is built of is left out is nobody's mistake. */
  private void refuse(String section, IllegalArgumentException problem) {
    String own = root(section);
    if (keys.stream()
        .map(Problems::root)
        .noneMatch(root -> root.equals(own) || root.equals(READS.get(own)))) {
      found.add(section + ": " + problem.getMessage());
    }
  }

  private static String root(String key) {
    return key.split("\\.", 2)[0];
  }

  List<String> found() {
    return List.copyOf(found);
  }

  /** Those at fault by themselves. */
  Set<String> keys() {
    return Set.copyOf(keys);
  }

  /** The library's report in the words of the file: its keys, without our prefix. */
  static List<String> of(ConfigValidationException report) {
    return IntStream.range(0, report.getProblemCount())
        .mapToObj(i -> plain(report.getProblem(i).getMessage()))
        .sorted()
        .distinct()
        .toList();
  }

  /** Where a file is no YAML; the library's own words quote the file, secrets included. */
  static String of(MarkedYAMLException report) {
    Mark mark = report.getProblemMark();
    String where =
        mark == null
            ? ""
            : "line %d, column %d: ".formatted(mark.getLine() + 1, mark.getColumn() + 1);
    return report instanceof DuplicateKeyException twice
        ? where + twice.getProblem()
        : where + "this is no YAML; a value with special characters has to stand in quotes";
  }

  static String plain(String message) {
    String text = message.substring(Math.max(0, message.indexOf("SRCFG")));
    Matcher missing = MISSING.matcher(text);
    if (missing.matches()) {
      return missing.group(1) + ": is required, and is not set";
    }
    Matcher unknown = UNKNOWN.matcher(text);
    if (unknown.matches()) {
      return unknown.group(1) + ": there is no such key";
    }
    Matcher unset = UNSET.matcher(text);
    if (unset.matches()) {
      return "%s: needs the environment variable %s, which is not set"
          .formatted(unset.group(2), unset.group(1));
    }
    Matcher refused = REFUSED.matcher(text);
    return refused.matches() ? refused.group(1) + ": " + refused.group(3) : text;
  }
}

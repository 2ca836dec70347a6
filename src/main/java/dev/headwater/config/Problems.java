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

/** Collects the problems of a configuration, so that all are reported at once. */
final class Problems {
  private static final String KEY = Pattern.quote(SettingsLoader.PREFIX + ".") + "(.+?)";
  private static final Pattern MISSING =
      Pattern.compile("SRCFG00014: The config property " + KEY + " is required.*");
  private static final Pattern UNKNOWN =
      Pattern.compile("SRCFG00050: " + KEY + " in (.+) does not map to any root");
  private static final Pattern UNSET =
      Pattern.compile("SRCFG00011: Could not expand value (\\S+) in property " + KEY);
  private static final Pattern INVALID =
      Pattern.compile(
          "SRCFG00039: The config property "
              + KEY
              + " with the config value \"(.*)\" threw an Exception whilst being converted (?:SRCFG\\d+: )?(.*)",
          Pattern.DOTALL);

  /** By section, another section whose keys it also reads. */
  private static final Map<String, String> ALSO_READS =
      Map.of("topics", "stream", "selection", "tasks", "tasks", "gate");

  private final Set<String> found = new TreeSet<>();
  private final Set<String> keys = new TreeSet<>();

  /** Adds problems of the form {@code key: problem}; only the first of each key is kept. */
  void add(List<String> problems) {
    for (String problem : problems) {
      if (keys.add(problem.split(": ", 2)[0].split("\\[", 2)[0])) {
        found.add(problem);
      }
    }
  }

  /** Thrown on access to a section that has problems, or depends on one that has. */
  private static final class InvalidSectionException extends IllegalStateException {
    private static final long serialVersionUID = 1L;

    InvalidSectionException(String key) {
      super(key + " has problems");
    }
  }

  /** Builds a section; an {@link IllegalArgumentException} is recorded under its key. */
  <T> Supplier<T> section(String key, Supplier<T> build) {
    try {
      T built = build.get();
      return () -> built;
    } catch (IllegalArgumentException e) {
      record(key, e);
    } catch (InvalidSectionException e) {
      // the problem of the section it depends on is already recorded
    }
    return () -> {
      throw new InvalidSectionException(key);
    };
  }

  /** As above, for sections that others depend on: these continue with {@code fallback}. */
  <T> T section(String key, Supplier<T> build, T fallback) {
    try {
      return build.get();
    } catch (IllegalArgumentException e) {
      record(key, e);
      return fallback;
    }
  }

  /** Records a problem, unless it may only follow from an invalid key that was left out. */
  private void record(String section, IllegalArgumentException problem) {
    String own = root(section);
    if (keys.stream()
        .map(Problems::root)
        .noneMatch(root -> root.equals(own) || root.equals(ALSO_READS.get(own)))) {
      found.add(section + ": " + problem.getMessage());
    }
  }

  private static String root(String key) {
    return key.split("\\.", 2)[0];
  }

  List<String> found() {
    return List.copyOf(found);
  }

  /** Returns the keys that are invalid in themselves. */
  Set<String> keys() {
    return Set.copyOf(keys);
  }

  /** Converts SmallRye's report to problems with the keys of the file, without our prefix. */
  static List<String> of(ConfigValidationException report) {
    return IntStream.range(0, report.getProblemCount())
        .mapToObj(i -> plain(report.getProblem(i).getMessage()))
        .sorted()
        .distinct()
        .toList();
  }

  /** Describes a YAML syntax error. SnakeYAML's own message quotes the file, secrets included. */
  static String of(MarkedYAMLException report) {
    Mark mark = report.getProblemMark();
    String where =
        mark == null
            ? ""
            : "line %d, column %d: ".formatted(mark.getLine() + 1, mark.getColumn() + 1);
    return report instanceof DuplicateKeyException duplicate
        ? where + duplicate.getProblem()
        : where + "invalid YAML; quote values that contain special characters";
  }

  static String plain(String message) {
    String text = message.substring(Math.max(0, message.indexOf("SRCFG")));
    Matcher missing = MISSING.matcher(text);
    if (missing.matches()) {
      return missing.group(1) + ": required, but not set";
    }
    Matcher unknown = UNKNOWN.matcher(text);
    if (unknown.matches()) {
      return unknown.group(1) + ": unknown configuration key";
    }
    Matcher unset = UNSET.matcher(text);
    if (unset.matches()) {
      return "%s: environment variable %s is not set".formatted(unset.group(2), unset.group(1));
    }
    Matcher invalid = INVALID.matcher(text);
    return invalid.matches() ? invalid.group(1) + ": " + invalid.group(3) : text;
  }
}

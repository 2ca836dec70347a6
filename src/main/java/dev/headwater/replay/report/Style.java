package dev.headwater.replay.report;

import java.util.Locale;
import java.util.Map;

/**
 * The capabilities of a terminal.
 *
 * @param live whether a frame can be redrawn in place; otherwise progress is printed line by line
 * @param blocks whether Unicode block elements are available; otherwise curves are drawn in ASCII
 * @param width width in columns
 */
public record Style(boolean live, boolean blocks, int width) {
  private static final int DEFAULT_WIDTH = 100;
  private static final int MIN_WIDTH = 40;

  /**
   * Detects the style from TERM, NO_COLOR (no-color.org), the charset of the locale and COLUMNS.
   *
   * @param terminal whether standard output is a terminal
   */
  public static Style of(Map<String, String> environment, boolean terminal) {
    boolean dumb = environment.getOrDefault("TERM", "dumb").equals("dumb");
    boolean noColor = !environment.getOrDefault("NO_COLOR", "").isEmpty();
    return new Style(terminal && !dumb && !noColor, utf8(environment), width(environment));
  }

  /** Returns whether the locale is UTF-8, in POSIX order: LC_ALL, LC_CTYPE, LANG. */
  private static boolean utf8(Map<String, String> environment) {
    for (String name : new String[] {"LC_ALL", "LC_CTYPE", "LANG"}) {
      String locale = environment.getOrDefault(name, "");
      if (!locale.isEmpty()) {
        return locale.toUpperCase(Locale.ROOT).matches(".*UTF-?8.*");
      }
    }
    return false;
  }

  private static int width(Map<String, String> environment) {
    String columns = environment.getOrDefault("COLUMNS", "");
    return columns.matches("[1-9][0-9]{0,3}")
        ? Math.max(MIN_WIDTH, Integer.parseInt(columns))
        : DEFAULT_WIDTH;
  }
}

package dev.headwater.replay.report;

import java.util.Locale;
import java.util.Map;

/**
 * What the terminal can show.
 *
 * @param live whether a frame may be redrawn in place; else progress goes out line by line
 * @param blocks whether it has Unicode's block elements; else curves are drawn in ASCII
 * @param width in columns
 */
public record Style(boolean live, boolean blocks, int width) {
  private static final int DEFAULT_WIDTH = 100;
  private static final int MIN_WIDTH = 40;

  /**
   * Reads the conventions: a terminal that is not dumb, NO_COLOR (no-color.org), the locale's
   * charset, COLUMNS.
   *
   * @param terminal whether standard output is one
   */
  public static Style of(Map<String, String> environment, boolean terminal) {
    boolean dumb = environment.getOrDefault("TERM", "dumb").equals("dumb");
    boolean noColor = !environment.getOrDefault("NO_COLOR", "").isEmpty();
    return new Style(terminal && !dumb && !noColor, utf8(environment), width(environment));
  }

  /** POSIX order: LC_ALL over LC_CTYPE over LANG. */
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

package dev.headwater.config;

import java.nio.file.Path;
import java.util.List;

/** An invalid configuration; the message lists every problem with its key. */
public final class ConfigException extends Exception {
  private static final long serialVersionUID = 1L;

  ConfigException(Path file, List<String> problems) {
    super(
        "%d %s in %s:%n  %s"
            .formatted(
                problems.size(),
                problems.size() == 1 ? "problem" : "problems",
                file,
                String.join(System.lineSeparator() + "  ", problems)));
  }
}

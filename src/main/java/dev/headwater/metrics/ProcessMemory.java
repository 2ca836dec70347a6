package dev.headwater.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The memory of this process, including native memory. */
public final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String RESIDENT = "VmRSS:";
  private static final int KIBIBYTE = 1024;

  private ProcessMemory() {}

  /** Returns the resident set size in bytes; NaN if the platform does not report it. */
  public static double resident() {
    return resident(STATUS);
  }

  static double resident(Path status) {
    try {
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith(RESIDENT)) {
          return Double.parseDouble(line.replaceAll("[^0-9]", "")) * KIBIBYTE;
        }
      }
      return Double.NaN;
    } catch (IOException e) {
      return Double.NaN; // not Linux; the value is informational only
    }
  }
}

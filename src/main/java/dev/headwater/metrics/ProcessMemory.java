package dev.headwater.metrics;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this process holds, native memory included. */
public final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String RESIDENT = "VmRSS:";
  private static final int KIBIBYTE = 1024;

  private ProcessMemory() {}

  /** In bytes, as the kernel counts it; NaN where it does not tell. */
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
      return Double.NaN; // no Linux: there is no such number, and nothing depends on it
    }
  }
}

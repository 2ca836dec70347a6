package dev.headwater.replay;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Processes of this Java and this class path. */
public final class JavaProcess {
  private static final long PATIENCE_SECONDS = 60;

  private JavaProcess() {}

  /** Not started yet; runs a class's {@code main}, its log quiet. */
  public static ProcessBuilder of(String mainClass, String... arguments) {
    return of(List.of(), mainClass, arguments);
  }

  static ProcessBuilder of(List<String> options, String mainClass, String... arguments) {
    List<String> quiet = new ArrayList<>();
    quiet.add("-DROOT_LOG_LEVEL=ERROR");
    quiet.add("-DHEADWATER_LOG_LEVEL=WARN");
    quiet.addAll(options);
    return with(quiet, mainClass, arguments);
  }

  /** As {@link #of}, with these options of Java and no others. */
  public static ProcessBuilder with(List<String> options, String mainClass, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(options);
    command.add("-cp");
    command.add(absolute(System.getProperty("java.class.path")));
    command.add(mainClass);
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command);
  }

  /**
   * Waits until it has ended, and sees to that where it takes too long. An interrupt waits, too:
   * what the process has in the scratch directory is deleted next.
   */
  public static void await(Process process) {
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (process.isAlive()) {
      try {
        if (!process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly();
          deadline += TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static String absolute(String classPath) {
    List<String> entries = new ArrayList<>();
    for (String entry : classPath.split(File.pathSeparator, -1)) {
      entries.add(Path.of(entry).toAbsolutePath().toString());
    }
    return String.join(File.pathSeparator, entries);
  }
}

package dev.headwater.replay;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Creates child processes with the JVM and class path of this process. */
public final class JavaProcess {
  private static final long EXIT_TIMEOUT_SECONDS = 60;

  private JavaProcess() {}

  /** Returns a process builder that runs the main method of a class with reduced logging. */
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

  /** Returns a process builder that runs a main class with exactly these JVM options. */
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
   * Waits until the process has exited, and kills it after a timeout. An interrupt is restored only
   * then, because callers delete the files of the process next.
   */
  public static void await(Process process) {
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(EXIT_TIMEOUT_SECONDS);
    while (process.isAlive()) {
      try {
        if (!process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly();
          deadline += TimeUnit.SECONDS.toNanos(EXIT_TIMEOUT_SECONDS);
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

package dev.headwater.replay;

import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Processes of this Java and this class path. */
public final class JavaProcess {
  private JavaProcess() {}

  /** Not started yet; runs a class's {@code main}, its log quiet. */
  public static ProcessBuilder of(String mainClass, String... arguments) {
    return of(List.of(), mainClass, arguments);
  }

  static ProcessBuilder of(List<String> options, String mainClass, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("-DROOT_LOG_LEVEL=ERROR");
    command.add("-DHEADWATER_LOG_LEVEL=WARN");
    command.addAll(options);
    command.add("-cp");
    command.add(absolute(System.getProperty("java.class.path")));
    command.add(mainClass);
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command);
  }

  private static String absolute(String classPath) {
    List<String> entries = new ArrayList<>();
    for (String entry : classPath.split(File.pathSeparator, -1)) {
      entries.add(Path.of(entry).toAbsolutePath().toString());
    }
    return String.join(File.pathSeparator, entries);
  }
}

package dev.headwater.cli;

import dev.headwater.replay.JavaProcess;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs a short command in a child JVM that uses the C1 compiler only. In a run of minutes, C2
 * compilation takes more CPU time from the work than it saves. A running JVM cannot change its
 * compilation level, so this one starts a child and waits for it.
 */
final class CompiledOnce {
  private static final String PARENT_PID = "headwater.started";
  private static final List<String> USER_OPTIONS =
      List.of("-XX:", "-Xint", "-Xcomp", "-agent", "-javaagent");

  private CompiledOnce() {}

  /** Returns false in the child JVM, and if the user set JVM options such as {@code -XX:}. */
  static boolean isWanted() {
    return System.getProperty(PARENT_PID) == null
        && options().stream().noneMatch(o -> USER_OPTIONS.stream().anyMatch(o::startsWith));
  }

  /**
   * Runs the command in the child JVM with the options, standard streams and signals of this JVM.
   *
   * @return its exit code
   */
  static int run(String[] arguments) throws IOException, InterruptedException {
    List<String> options = new ArrayList<>(options());
    options.add("-XX:TieredStopAtLevel=1");
    options.add("-D" + PARENT_PID + "=" + ProcessHandle.current().pid());
    Process process =
        JavaProcess.with(options, Main.class.getName(), arguments).inheritIO().start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(process), "stop-child"));
    return process.waitFor();
  }

  /** Exits this JVM when its parent exits for any reason. */
  static void endWithStarter() {
    String parent = System.getProperty(PARENT_PID);
    if (parent != null) {
      ProcessHandle.of(Long.parseLong(parent))
          .ifPresentOrElse(
              alive -> alive.onExit().thenRun(() -> System.exit(1)), () -> System.exit(1));
    }
  }

  /** Stops the child. Ctrl-C in a terminal reaches it directly; other signals do not. */
  private static void stop(Process process) {
    process.destroy();
    JavaProcess.await(process);
  }

  private static List<String> options() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments();
  }
}

package dev.headwater.cli;

import dev.headwater.replay.JavaProcess;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/**
 * A command of a minute or two in a Java that compiles everything once, quickly, and optimises
 * nothing: what optimising costs would take the cores from what runs, and not be earned back. In
 * the one that was started there is no changing that any more, so it starts another and waits.
 */
final class CompiledOnce {
  private static final String STARTED = "headwater.started";
  private static final List<String> CHOSEN =
      List.of("-XX:", "-Xint", "-Xcomp", "-agent", "-javaagent");

  private CompiledOnce() {}

  /** Not where this is that other Java, nor where somebody chose how this one is to run. */
  static boolean isWanted() {
    return System.getProperty(STARTED) == null
        && options().stream().noneMatch(o -> CHOSEN.stream().anyMatch(o::startsWith));
  }

  /**
   * Runs the command there, with this Java's options, input, output and signals.
   *
   * @return its exit code
   */
  static int run(String[] arguments) throws IOException, InterruptedException {
    List<String> options = new ArrayList<>(options());
    options.add("-XX:TieredStopAtLevel=1");
    options.add("-D" + STARTED + "=" + ProcessHandle.current().pid());
    Process process =
        JavaProcess.with(options, Main.class.getName(), arguments).inheritIO().start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> end(process), "end"));
    return process.waitFor();
  }

  /** Ends this Java when the one that started it has ended, in whatever way. */
  static void endWithStarter() {
    String starter = System.getProperty(STARTED);
    if (starter != null) {
      ProcessHandle.of(Long.parseLong(starter))
          .ifPresentOrElse(
              alive -> alive.onExit().thenRun(() -> System.exit(1)), () -> System.exit(1));
    }
  }

  /** A Ctrl-C in a terminal has reached it already, another signal has not. */
  private static void end(Process process) {
    process.destroy();
    JavaProcess.await(process);
  }

  private static List<String> options() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments();
  }
}

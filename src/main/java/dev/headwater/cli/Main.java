package dev.headwater.cli;

import java.util.Locale;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code headwater} command. */
@Command(
    name = "headwater",
    mixinStandardHelpOptions = true,
    version = "headwater 0.1.0-SNAPSHOT",
    description = {
      "Scores Kafka topics with an ONNX model and keeps its head learning from the stream.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:failed, as where the broker is away",
      "2:wrong usage or configuration",
      Main.NOT_WELL + ":done, and not well: 'compare' found it worse, 'topics check' found problems"
    },
    footer = {
      "",
      "Every command has its own --help. Begin with: headwater demo, or headwater inspect M.onnx."
    },
    subcommands = {
      ServeCommand.class,
      TrainCommand.class,
      ReplayCommand.class,
      RescoreCommand.class,
      CompareCommand.class,
      BenchCommand.class,
      DemoCommand.class,
      InspectCommand.class,
      HeadsCommand.class,
      LabelsCommand.class,
      ReviewCommand.class,
      SamplesCommand.class,
      TopicsCommand.class
    })
public final class Main implements Runnable {
  /** The exit code of a verdict that no failure must look like. */
  static final int NOT_WELL = 3;

  private static final Set<String> SHOWS_ITSELF = Set.of("replay", "demo", "bench");
  private static final Set<String> SHORT = Set.of("replay", "demo");

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  Main() {}

  public static void main(String[] args) throws Exception {
    Locale.setDefault(Locale.ROOT); // what is printed is read by scripts, too
    String command = args.length > 0 ? args[0] : "";
    if (SHORT.contains(command) && CompiledOnce.isWanted()) {
      System.exit(CompiledOnce.run(args));
    }
    CompiledOnce.endWithStarter();
    if (SHOWS_ITSELF.contains(command)) {
      // these show verdicts and swaps themselves; the log would write across them
      quieten("HEADWATER_LOG_LEVEL", "WARN");
      quieten("ROOT_LOG_LEVEL", "ERROR");
    }
    System.exit(commandLine().execute(args));
  }

  private static void quieten(String variable, String level) {
    if (System.getenv(variable) == null) {
      System.setProperty(variable, level);
    }
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(new PlainErrors());
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "which command? See the list below");
  }
}

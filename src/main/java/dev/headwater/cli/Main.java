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
      "Scores records of Kafka topics with an ONNX model and adapts its head to the stream.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:success",
      "1:failure, for example an unreachable broker",
      "2:invalid usage or configuration",
      Main.NOT_WELL
          + ":negative result: 'compare' found a regression, or 'topics check' found problems"
    },
    footer = {
      "",
      "Use 'headwater COMMAND --help' for the options of a command. To start, try 'headwater demo'"
          + " or 'headwater inspect MODEL'."
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
  /** Exit code of a negative result, distinct from those of failures. */
  static final int NOT_WELL = 3;

  private static final Set<String> INTERACTIVE = Set.of("replay", "demo", "bench");
  private static final Set<String> SHORT_RUNNING = Set.of("replay", "demo");

  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  Main() {}

  public static void main(String[] args) throws Exception {
    Locale.setDefault(Locale.ROOT); // scripts parse the output
    String command = args.length > 0 ? args[0] : "";
    if (SHORT_RUNNING.contains(command) && CompiledOnce.isWanted()) {
      System.exit(CompiledOnce.run(args));
    }
    CompiledOnce.endWithStarter();
    if (INTERACTIVE.contains(command)) {
      // these print verdicts and head swaps themselves; log lines would garble the display
      setDefaultLogLevel("HEADWATER_LOG_LEVEL", "WARN");
      setDefaultLogLevel("ROOT_LOG_LEVEL", "ERROR");
    }
    System.exit(commandLine().execute(args));
  }

  private static void setDefaultLogLevel(String variable, String level) {
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
    throw new ParameterException(spec.commandLine(), "missing command");
  }
}

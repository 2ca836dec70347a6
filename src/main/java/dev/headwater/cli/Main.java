package dev.headwater.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code headwater} command. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration. */
@Command(
    name = "headwater",
    mixinStandardHelpOptions = true,
    version = "headwater 0.1.0-SNAPSHOT",
    description = {
      "Scores Kafka topics with an ONNX model and keeps its head learning from the stream.",
      ""
    },
    footer = {
      "",
      "Every command has its own --help. Begin with: headwater demo, or headwater inspect M.onnx."
    },
    subcommands = {
      ServeCommand.class,
      TrainCommand.class,
      ReplayCommand.class,
      DemoCommand.class,
      InspectCommand.class,
      HeadsCommand.class,
      TopicsCommand.class
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  Main() {}

  public static void main(String[] args) {
    System.exit(commandLine().execute(args));
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

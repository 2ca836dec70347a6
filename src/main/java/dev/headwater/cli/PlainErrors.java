package dev.headwater.cli;

import dev.headwater.bundle.BundleException;
import dev.headwater.config.ConfigException;
import dev.headwater.onnx.OnnxException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/**
 * What went wrong in words. Mistakes of the user's have messages that say everything; anything else
 * is a fault of ours or of the surroundings, and then the stack trace is what helps.
 */
final class PlainErrors implements IExecutionExceptionHandler {
  private static final List<Class<? extends Exception>> USER_MISTAKES =
      List.of(
          ConfigException.class, BundleException.class, OnnxException.class, UsageException.class);

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    if (USER_MISTAKES.stream().anyMatch(mistake -> mistake.isInstance(e))) {
      command.getErr().println(command.getColorScheme().errorText(String.valueOf(e.getMessage())));
      return CommandLine.ExitCode.USAGE;
    }
    e.printStackTrace(command.getErr());
    return CommandLine.ExitCode.SOFTWARE;
  }
}

package dev.headwater.cli;

import dev.headwater.bundle.BundleException;
import dev.headwater.config.ConfigException;
import dev.headwater.onnx.OnnxException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/**
 * What went wrong, in words. Messages of our own say everything; of other failures the whole chain
 * of causes is told. Stack traces are for {@code HEADWATER_LOG_LEVEL=DEBUG}.
 */
final class PlainErrors implements IExecutionExceptionHandler {
  private static final Logger log = LoggerFactory.getLogger(PlainErrors.class);
  private static final List<Class<? extends Exception>> USER_MISTAKES =
      List.of(
          ConfigException.class, BundleException.class, OnnxException.class, UsageException.class);

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    log.atDebug().setCause(e).log("command failed");
    boolean mistake = USER_MISTAKES.stream().anyMatch(type -> type.isInstance(e));
    String message = mistake ? String.valueOf(e.getMessage()) : chain(e);
    command.getErr().println(command.getColorScheme().errorText(message));
    return mistake ? CommandLine.ExitCode.USAGE : CommandLine.ExitCode.SOFTWARE;
  }

  private static String chain(Throwable failure) {
    StringBuilder told = new StringBuilder(told(failure));
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      told.append(System.lineSeparator()).append("  because: ").append(told(cause));
    }
    return told.toString();
  }

  private static String told(Throwable failure) {
    if (failure instanceof FileSystemException file && file.getReason() == null) {
      return told(file);
    }
    if (failure instanceof CharacterCodingException) {
      return "what was to be read is not UTF-8";
    }
    String message = failure.getMessage();
    return message == null ? failure.getClass().getSimpleName() : message;
  }

  /** Its message is the path and nothing else. */
  private static String told(FileSystemException failure) {
    if (failure instanceof NoSuchFileException) {
      return "there is no file " + failure.getFile();
    }
    if (failure instanceof FileAlreadyExistsException) {
      return "a file is in the way: " + failure.getFile();
    }
    if (failure instanceof AccessDeniedException) {
      return "no permission for " + failure.getFile();
    }
    return "%s: %s".formatted(failure.getFile(), failure.getClass().getSimpleName());
  }
}

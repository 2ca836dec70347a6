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
 * Prints errors as plain messages. User errors print their message only, other failures the chain
 * of causes. Stack traces are logged at {@code HEADWATER_LOG_LEVEL=DEBUG}.
 */
final class PlainErrors implements IExecutionExceptionHandler {
  private static final Logger log = LoggerFactory.getLogger(PlainErrors.class);
  private static final List<Class<? extends Exception>> USER_ERRORS =
      List.of(
          ConfigException.class, BundleException.class, OnnxException.class, UsageException.class);

  @Override
  public int handleExecutionException(Exception e, CommandLine command, ParseResult parsed) {
    log.atDebug().setCause(e).log("command failed");
    boolean isUserError = USER_ERRORS.stream().anyMatch(type -> type.isInstance(e));
    String message = isUserError ? String.valueOf(e.getMessage()) : chain(e);
    command.getErr().println(command.getColorScheme().errorText(message));
    return isUserError ? CommandLine.ExitCode.USAGE : CommandLine.ExitCode.SOFTWARE;
  }

  private static String chain(Throwable failure) {
    StringBuilder text = new StringBuilder(describe(failure));
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      text.append(System.lineSeparator()).append("  caused by: ").append(describe(cause));
    }
    return text.toString();
  }

  private static String describe(Throwable failure) {
    if (failure instanceof FileSystemException file && file.getReason() == null) {
      return describe(file);
    }
    if (failure instanceof CharacterCodingException) {
      return "the input is not valid UTF-8";
    }
    String message = failure.getMessage();
    return message == null ? failure.getClass().getSimpleName() : message;
  }

  /** Describes a file error whose message is the path only. */
  private static String describe(FileSystemException failure) {
    if (failure instanceof NoSuchFileException) {
      return "file not found: " + failure.getFile();
    }
    if (failure instanceof FileAlreadyExistsException) {
      return "file already exists: " + failure.getFile();
    }
    if (failure instanceof AccessDeniedException) {
      return "permission denied: " + failure.getFile();
    }
    return "%s: %s".formatted(failure.getFile(), failure.getClass().getSimpleName());
  }
}

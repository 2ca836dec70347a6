package dev.headwater.cli;

/** A command was asked for something that cannot be done; the message says what to do instead. */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}

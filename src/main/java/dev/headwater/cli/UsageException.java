package dev.headwater.cli;

/** An invalid use of a command. The message states what is wrong and how to fix it. */
final class UsageException extends Exception {
  private static final long serialVersionUID = 1L;

  UsageException(String message) {
    super(message);
  }
}

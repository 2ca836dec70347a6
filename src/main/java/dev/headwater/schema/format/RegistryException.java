package dev.headwater.schema.format;

import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;

/**
 * The schema registry gave no answer, or none that could be used. It says nothing of the value at
 * hand, which is to be tried again: a record must not be given up because a registry is away.
 */
public final class RegistryException extends RetriableException {
  private static final long serialVersionUID = 1L;

  RegistryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

package dev.headwater.schema.format;

import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;

/**
 * Thrown when the schema registry does not respond or returns an error. The value may be valid, so
 * the caller must retry: a registry outage must not send records to dead letters.
 */
public final class RegistryException extends RetriableException {
  private static final long serialVersionUID = 1L;

  RegistryException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}

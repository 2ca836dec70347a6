package dev.headwater.bundle;

import java.nio.file.Path;
import java.util.List;

/** Thrown for an invalid bundle; the message lists every problem found, each with its key. */
public final class BundleException extends Exception {
  private static final long serialVersionUID = 1L;

  BundleException(Path manifest, List<String> problems) {
    super("invalid bundle " + manifest + ":\n  - " + String.join("\n  - ", problems));
  }
}

package dev.headwater.bundle;

import java.nio.file.Path;
import java.util.List;

/** A bundle that cannot be served; the message lists every problem found, each with its key. */
public final class BundleException extends Exception {
  private static final long serialVersionUID = 1L;

  BundleException(Path manifest, List<String> problems) {
    super(manifest + " cannot be used:\n  - " + String.join("\n  - ", problems));
  }
}

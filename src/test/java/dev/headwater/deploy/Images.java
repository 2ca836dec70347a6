package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;

/** The images, built from this working tree as anybody builds them. */
final class Images {
  static final String BASE = "eclipse-temurin:21-jre";

  private Images() {}

  /**
   * Builds one; seconds where its libraries were built before.
   *
   * @param target a stage of the Dockerfile
   * @return its tag
   */
  static String build(String target) throws IOException, InterruptedException {
    return build(target, "test", Path.of("."));
  }

  /**
   * @param version of the tag
   * @param tree with a Dockerfile
   */
  static String build(String target, String version, Path tree)
      throws IOException, InterruptedException {
    String tag = "headwater/" + target + ":" + version;
    File log = log(target, version).toFile();
    Process build =
        new ProcessBuilder(
                "docker",
                "build",
                "--progress=plain",
                "--target",
                target,
                "-t",
                tag,
                tree.toString())
            .redirectErrorStream(true)
            .redirectOutput(log)
            .start();
    assertThat(build.waitFor()).as("docker build --target %s; see %s", target, log).isZero();
    return tag;
  }

  /** What the engine said while it built. */
  static Path log(String target, String version) {
    return Path.of("target", "docker-build-%s-%s.log".formatted(target, version));
  }
}

package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;

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
    String tag = "headwater/" + target + ":test";
    File log = new File("target", "docker-build-" + target + ".log");
    Process build =
        new ProcessBuilder(
                "docker", "build", "--progress=plain", "--target", target, "-t", tag, ".")
            .redirectErrorStream(true)
            .redirectOutput(log)
            .start();
    assertThat(build.waitFor()).as("docker build --target %s; see %s", target, log).isZero();
    return tag;
  }
}

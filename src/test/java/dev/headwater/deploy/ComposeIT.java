package dev.headwater.deploy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.junit.jupiter.Testcontainers;

/** The compose file, brought up under a name of its own and without the host's ports. */
@Testcontainers(disabledWithoutDocker = true)
class ComposeIT {
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final Pattern HEAD =
      Pattern.compile("(?m)^headwater_head_version\\{.*} ([0-9.]+)$");

  @TempDir Path directory;
  private Path withoutPorts;

  @BeforeEach
  void keepOffTheHost() throws IOException {
    withoutPorts =
        Files.writeString(
            directory.resolve("ports.yaml"),
            """
            services:
              scorer-0: {ports: !reset []}
              scorer-1: {ports: !reset []}
              trainer: {ports: !reset []}
            """);
  }

  /** All but Prometheus and Grafana: the producer waits for everything that it needs. */
  @Test
  void bringsUpADeploymentThatLearns() throws Exception {
    compose("config", "--quiet");
    compose("up", "--detach", "--build", "producer");

    for (String scorer : List.of("scorer-0", "scorer-1")) {
      await(scorer).atMost(PATIENCE).until(() -> head(scorer) >= 1);
    }
  }

  @AfterEach
  void down() throws Exception {
    compose("down", "--volumes", "--timeout", "40");
  }

  private double head(String scorer) throws Exception {
    Matcher version =
        HEAD.matcher(
            compose("exec", "-T", scorer, "curl", "-fsS", "http://127.0.0.1:8080/metrics"));
    return version.find() ? Double.parseDouble(version.group(1)) : 0;
  }

  private String compose(String... words) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "docker",
                "compose",
                "--project-name",
                "headwater-test",
                "--file",
                "deploy/compose.yaml",
                "--file",
                withoutPorts.toString()));
    command.addAll(List.of(words));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s%n%s", command, printed).isZero();
    return printed;
  }
}

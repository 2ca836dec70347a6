package dev.headwater.deploy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.schema.Json;
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
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.junit.jupiter.Testcontainers;

/**
 * The compose file, brought up under a name of its own and without the host's ports. Prometheus is
 * Debian's here, under the same files and the same command line as the image that the file names,
 * so that nothing has to be pulled.
 */
@ExtendWith(EngineLock.class)
@Testcontainers(disabledWithoutDocker = true)
class ComposeIT {
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final Pattern HEAD =
      Pattern.compile("(?m)^headwater_head_version\\{.*} ([0-9.]+)$");

  private static final Pattern PREDICTED =
      Pattern.compile("(?m)^headwater_records_predicted_total ([0-9.E]+)$");

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
              prometheus:
                ports: !reset []
                image: headwater/prometheus:test
                build:
                  dockerfile_inline: |
                    FROM debian:trixie-slim
                    RUN apt-get -qq update \\
                     && apt-get -qq install -y --no-install-recommends prometheus wget \\
                     && install -d -o nobody /prometheus
                    USER nobody
                    ENTRYPOINT ["prometheus", "--storage.tsdb.path=/prometheus"]
                    CMD ["--config.file=/etc/prometheus/prometheus.yml"]
            """);
  }

  /** All but Grafana: producer and Prometheus wait for everything that they need. */
  @Test
  void bringsUpADeploymentThatLearnsAndIsWatched() throws Exception {
    compose("config", "--quiet");
    compose("up", "--detach", "--build", "producer", "prometheus");

    for (String scorer : List.of("scorer-0", "scorer-1")) {
      await(scorer).atMost(PATIENCE).until(() -> told(scorer, HEAD) >= 1);
      await(scorer).atMost(PATIENCE).until(() -> told(scorer, PREDICTED) > 0);
    }
    await("a scorer's page shows the trainer")
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              JsonNode page =
                  Json.MAPPER.readTree(asked("scorer-0", "http://127.0.0.1:8080/status.json"));
              assertThat(page.at("/trainer/up").asBoolean()).as("%s", page.at("/trainer")).isTrue();
              assertThat(page.path("series").fieldNames())
                  .toIterable()
                  .anyMatch(name -> name.startsWith("headwater.prequential.accuracy"));
            });
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(prometheus("query?query=up").at("/data/result"))
                    .as("what is scraped, and that it answers")
                    .extracting(
                        target ->
                            "%s %s %s"
                                .formatted(
                                    target.at("/metric/job").asText(),
                                    target.at("/metric/instance").asText(),
                                    target.at("/value/1").asText()))
                    .containsExactlyInAnyOrder(
                        "headwater-scorer scorer-0:8080 1",
                        "headwater-scorer scorer-1:8080 1",
                        "headwater-trainer trainer:8081 1"));
    JsonNode written =
        new YAMLMapper().readTree(Path.of("deploy/prometheus/headwater.rules.yml").toFile());
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              JsonNode rules = prometheus("rules").path("data");
              assertThat(rules.findValuesAsText("name"))
                  .as("rules that are loaded")
                  .containsAll(written.findValuesAsText("alert"))
                  .containsAll(written.findValuesAsText("record"));
              assertThat(rules.findValuesAsText("health")).containsOnly("ok");
            });
  }

  private JsonNode prometheus(String path) throws Exception {
    return Json.MAPPER.readTree(
        compose(
            "exec", "-T", "prometheus", "wget", "-qO-", "http://127.0.0.1:9090/api/v1/" + path));
  }

  @AfterEach
  void down() throws Exception {
    compose("down", "--volumes", "--timeout", "40");
  }

  private double told(String scorer, Pattern metric) throws Exception {
    Matcher told = metric.matcher(asked(scorer, "http://127.0.0.1:8080/metrics"));
    return told.find() ? Double.parseDouble(told.group(1)) : 0;
  }

  private String asked(String service, String url) throws Exception {
    return compose("exec", "-T", service, "curl", "-fsS", url);
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

package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.stream.FreePort;
import dev.headwater.stream.StreamService;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.tools.ConsoleProducer;
import org.apache.kafka.tools.consumer.ConsoleConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Follows documents as a reader does: writes the YAML files that they show, runs their {@code sh}
 * blocks in a shell with the built jar, and compares the output with the {@code text} block that
 * follows, where "…" stands for any text, and for any lines if it is alone on a line.
 */
class DocumentedCommandsIT extends CommandedDeployment {
  private static final Pattern BLOCK =
      Pattern.compile(
          "```yaml\\n# (?<file>\\S+)\\n(?<yaml>.*?)```"
              + "|```sh\\n(?<commands>.*?)```(?:\\n\\n```text\\n(?<output>.*?)```)?",
          Pattern.DOTALL);

  /** A server runs until it is stopped, so it is the last command of its block. */
  private static final Pattern SERVER =
      Pattern.compile(
          "(?m)^(java -jar target/headwater\\.jar (serve|train) --config desk\\.yaml)\\b.*\\n\\z");

  private final List<Running> servers = new ArrayList<>();
  private int trainerPort;
  private Path workplace;

  @BeforeEach
  void prepareTheWorkplace() throws Exception {
    trainerPort = FreePort.next();
    workplace = Files.createDirectory(directory.resolve("workplace"));
    for (String name : List.of("target", "deploy")) {
      Files.createSymbolicLink(workplace.resolve(name), Path.of(name).toAbsolutePath());
    }
    tool("kafka-console-producer.sh", ConsoleProducer.class);
    tool("kafka-console-consumer.sh", ConsoleConsumer.class);
  }

  @AfterEach
  void stopTheServers() throws Exception {
    for (Running server : servers) {
      server.close();
    }
  }

  @Test
  void readmeLeadsToTheFirstPrediction() throws Exception {
    Path model = Files.createDirectory(workplace.resolve("model"));
    for (String file : List.of("model.onnx", "labels.json")) {
      Files.copy(directory.resolve("bundle").resolve(file), model.resolve(file));
    }

    assertThat(follow("README.md"))
        .startsWith("{\"recordId\":\"first\",\"task\":\"kind\",\"label\":\"label-")
        .contains(",\"confidence\":", ",\"top\":[{", ",\"headVersion\":0,\"source\":{");
    assertThat(servers).hasSize(1);
    assertThat(problems(Running.log("serve", port))).isEmpty();
  }

  /** DemoIT runs the demo, and every build runs the tests. */
  @Test
  void readmeHasNoOtherCommands() throws Exception {
    assertThat(
            Pattern.compile("```text\\n(.*?)\\n```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("README.md")))
                .results()
                .map(block -> block.group(1))
                .filter(block -> !block.contains("──►")))
        .containsExactly("mvn -Pdemo", "mvn verify");
    assertThat(Files.readString(Path.of("pom.xml")))
        .contains("headwater.jar</argument><argument>demo</argument></arguments>");
  }

  @Test
  void tutorialsLeadToABetterHead() throws Exception {
    follow("docs/tutorials/first-model.md");
    follow("docs/tutorials/label-and-learn.md");

    assertThat(servers).hasSize(2);
    assertThat(problems(Running.log("train", trainerPort))).isEmpty();
  }

  @Test
  void topicsPageLeadsThroughTheLifeOfARecord() throws Exception {
    Files.writeString(
        config,
        "selection: {threshold: 1, audit-share: 0, budget: 1}\n",
        StandardOpenOption.APPEND);
    assertThat(run("topics", "create")).isZero();
    Settings settings = SettingsLoader.load(config, Map.of(), Map.of());
    InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
    try (StreamService service = ServeCommand.service(settings, settings.loadBundle(), metrics)) {
      service.start();

      follow("docs/reference/topics.md");

      await().atMost(PATIENCE).until(() -> metrics.counts().labelsMatched() == 1);
    }
  }

  /**
   * Warnings, errors and stack traces; that the state is in a temporary directory is due to this
   * test.
   */
  private static List<String> problems(File log) throws IOException {
    try (Stream<String> lines = Files.lines(log.toPath())) {
      return lines
          .filter(line -> !line.matches("\\S+ INFO .*") && !line.contains(" WARN  StateDirectory "))
          .toList();
    }
  }

  /** Returns the output of the last block. */
  private String follow(String document) throws Exception {
    Matcher block = BLOCK.matcher(Files.readString(Path.of(document)));
    String output = "";
    while (block.find()) {
      if (block.group("file") != null) {
        Files.writeString(
            workplace.resolve(block.group("file")), withOurAddresses(block.group("yaml")));
        continue;
      }
      String commands = block.group("commands");
      Matcher server = SERVER.matcher(commands);
      boolean starts = server.find();
      output = runInAShell(starts ? commands.substring(0, server.start()) : commands);
      if (block.group("output") != null) {
        assertThat(output).as(commands).matches(expected(block.group("output")));
      }
      if (starts) {
        start(server.group(1), server.group(2));
      }
    }
    return output;
  }

  private static Pattern expected(String output) {
    return Pattern.compile(
        output
            .lines()
            .map(
                line ->
                    line.equals("…")
                        ? "(?:.*\\n)*"
                        : Pattern.quote(line).replace("…", "\\E.*\\Q") + "\\n")
            .collect(Collectors.joining()));
  }

  private String runInAShell(String commands) throws Exception {
    File out = directory.resolve("out.txt").toFile();
    File err = directory.resolve("err.txt").toFile();
    Process process = shell(commands).redirectOutput(out).redirectError(err).start();
    process.getOutputStream().close();
    boolean ended = process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
    String log = Files.readString(err.toPath());
    assertThat(ended).as("%s%n%s", commands, log).isTrue();
    assertThat(process.exitValue()).as("%s%n%s", commands, log).isZero();
    return Files.readString(out.toPath());
  }

  private void start(String command, String name) throws Exception {
    int ofServer = name.equals("serve") ? port : trainerPort;
    Running server =
        new Running(
            shell("exec " + command)
                .redirectErrorStream(true)
                .redirectOutput(Running.log(name, ofServer))
                .start(),
            ofServer);
    servers.add(server);
    await().atMost(PATIENCE).until(() -> server.status("/health/ready") == 200);
  }

  /** Ports and state are those of this test. */
  private ProcessBuilder shell(String commands) {
    ProcessBuilder shell =
        new ProcessBuilder("bash", "-euo", "pipefail", "-c", withOurAddresses(commands))
            .directory(workplace.toFile());
    Map<String, String> environment = shell.environment();
    environment.merge(
        "PATH",
        directory + File.pathSeparator + Path.of(System.getProperty("java.home"), "bin"),
        (path, ours) -> ours + File.pathSeparator + path);
    environment.put("HEADWATER_STATE_DIR", directory.resolve("state").toString());
    environment.put("HEADWATER_HTTP_PORT", String.valueOf(port));
    environment.put("HEADWATER_HTTP_TRAINER_PORT", String.valueOf(trainerPort));
    environment.put("CLASSPATH", System.getProperty("java.class.path"));
    return shell;
  }

  private String withOurAddresses(String text) {
    return text.replace("localhost:9092", broker.bootstrapServers());
  }

  /** Kafka's script, as far as these commands need it. */
  private void tool(String name, Class<?> main) throws IOException {
    Path script =
        Files.writeString(
            directory.resolve(name), "#!/bin/sh\nexec java %s \"$@\"\n".formatted(main.getName()));
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}

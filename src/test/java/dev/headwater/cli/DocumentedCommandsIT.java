package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.stream.StreamService;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.tools.ConsoleProducer;
import org.apache.kafka.tools.consumer.ConsoleConsumer;
import org.junit.jupiter.api.Test;

/**
 * Every command in the shell blocks of {@code README.md} and {@code docs/reference/topics.md}, in
 * their order, by the classes that Kafka's scripts run; in the README over the files that it shows.
 */
class DocumentedCommandsIT extends CommandedDeployment {
  private static final Pattern COMMAND =
      Pattern.compile(
          "^(?:kafka-console-(producer|consumer)\\.sh|java -jar target/headwater\\.jar) (.*?)"
              + "(?: +#[^\\n]*| <<'END'\\n(.*?)\\nEND)?$",
          Pattern.MULTILINE | Pattern.DOTALL);
  private static final Pattern FILE =
      Pattern.compile("```yaml\\n *# (\\S+)\\n(.*?)```", Pattern.DOTALL);
  private static final Pattern WORD = Pattern.compile("'([^']*)'|(\\S+)");

  @Test
  void leadToTheFirstPrediction() throws Exception {
    writeWhatTheReadmeShows();
    List<String> told = new ArrayList<>();
    List<Running> scorers = new ArrayList<>();
    try {
      Matcher command = COMMAND.matcher(shell("README.md"));
      while (command.find()) {
        String typed = command.group(2);
        if (command.group(1) != null) {
          told.add(execute(command.group(1), typed, command.group(3)));
        } else if (typed.equals("serve --config desk.yaml")) {
          Running scorer = Running.start("serve", config, port);
          scorers.add(scorer);
          await().atMost(PATIENCE).until(() -> scorer.status("/health/ready") == 200);
        } else {
          assertThat(typed).endsWith(" --config desk.yaml");
          assertThat(run(typed.replace(" --config desk.yaml", "").split(" ")))
              .as("%s: %s", typed, err)
              .isZero();
        }
      }
    } finally {
      for (Running scorer : scorers) {
        scorer.close();
      }
    }

    assertThat(scorers).hasSize(1);
    assertThat(told).hasSize(2);
    assertThat(told.get(1))
        .startsWith("{\"recordId\":\"first\",\"task\":\"kind\",\"label\":\"label-")
        .contains(",\"confidence\":", ",\"top\":[{", ",\"headVersion\":0,\"source\":{");
  }

  @Test
  void tellProducersAndConsumers() throws Exception {
    Files.writeString(
        config,
        "selection: {threshold: 1, audit-share: 0, budget: 1}\n",
        StandardOpenOption.APPEND);
    assertThat(run("topics", "create")).isZero();
    Settings settings = SettingsLoader.load(config, Map.of(), Map.of());
    InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
    List<String> told = new ArrayList<>();
    try (StreamService service = ServeCommand.service(settings, settings.loadBundle(), metrics)) {
      service.start();
      Matcher command = COMMAND.matcher(shell("docs/reference/topics.md"));
      while (command.find()) {
        told.add(execute(command.group(1), command.group(2), command.group(3)));
      }
      await().atMost(PATIENCE).until(() -> metrics.counts().labelsMatched() == 1);
    }

    assertThat(told).hasSize(7);
    assertThat(told.get(1))
        .contains("headwater-head-version:0")
        .contains("traceparent:00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .contains("customer-7")
        .contains("\"recordId\":\"r1\"");
    assertThat(told.get(2)).contains("\"recordId\":\"r1\"").contains("UNSURE");
    assertThat(told.get(6))
        .contains("headwater-field:/x")
        .contains("headwater-record-id:r2")
        .contains("has 2 numbers, the model expects 4")
        .contains("{\"id\":\"r2\",\"x\":[1,2]}");
  }

  /** The broker, the directories and the ports are this test's. */
  private void writeWhatTheReadmeShows() throws Exception {
    Path model = Files.createDirectory(directory.resolve("model"));
    for (String file : List.of("model.onnx", "labels.json")) {
      Files.copy(directory.resolve("bundle").resolve(file), model.resolve(file));
    }
    Matcher file = FILE.matcher(Files.readString(Path.of("README.md")));
    List<String> written = new ArrayList<>();
    while (file.find()) {
      written.add(file.group(1));
      Files.writeString(
          directory.resolve(file.group(1)),
          file.group(2)
              .stripIndent()
              .replace("directory: model", "directory: " + model)
              .replace("localhost:9092", broker.bootstrapServers()));
    }
    assertThat(written).containsExactly("model/headwater.yaml", "desk.yaml");
    config = directory.resolve("desk.yaml");
    Files.writeString(
        config,
        "\nstate-dir: %s\nhttp: {port: %d}\n".formatted(directory.resolve("state"), port),
        StandardOpenOption.APPEND);
  }

  /** The fenced shell blocks, continued lines joined. */
  private static String shell(String document) throws Exception {
    Matcher block =
        Pattern.compile("```sh\\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(Path.of(document)));
    StringBuilder all = new StringBuilder();
    while (block.find()) {
      all.append(block.group(1).stripIndent()).append('\n');
    }
    return all.toString().replaceAll(" *\\\\\\n *", " ");
  }

  private String execute(String tool, String arguments, String input) throws Exception {
    List<String> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    words.add("-cp");
    words.add(System.getProperty("java.class.path"));
    words.add(
        tool.equals("producer")
            ? ConsoleProducer.class.getName()
            : ConsoleConsumer.class.getName());
    Matcher word = WORD.matcher(arguments.replace("localhost:9092", broker.bootstrapServers()));
    while (word.find()) {
      words.add(word.group(1) == null ? word.group(2) : word.group(1));
    }
    File out = directory.resolve("out.txt").toFile();
    Process process =
        new ProcessBuilder(words)
            .redirectOutput(out)
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    try (var stdin = process.getOutputStream()) {
      stdin.write(((input == null ? "" : input) + "\n").getBytes(UTF_8));
    }
    assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).as(arguments).isTrue();
    assertThat(process.exitValue()).as(arguments).isZero();
    return Files.readString(out.toPath());
  }
}

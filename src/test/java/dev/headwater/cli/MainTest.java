package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundles;
import dev.headwater.heads.TestKeys;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Json;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class MainTest {
  private static final String NOWHERE = "kafka: {bootstrap.servers: \"127.0.0.1:1\"}\n";

  @TempDir Path directory;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandExplainsItself(List<String> command) {
    List<String> words = new ArrayList<>(command);
    words.add("--help");

    assertThat(run(words.toArray(String[]::new))).isZero();
    assertThat(out.toString()).contains("Usage: headwater").contains("--help");
  }

  @Test
  void noCommandShowsThemAll() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).contains("serve").contains("replay").contains("inspect");
  }

  @Test
  void wrongConfigurationIsToldInOnePlainMessage() throws Exception {
    Path file = Files.writeString(directory.resolve("c.yaml"), "name: x\nfoo: 1\n");

    assertThat(run("serve", "--config", file.toString())).isEqualTo(2);
    assertThat(err.toString())
        .contains("2 problems in ")
        .contains("bundle.directory: required, but not set")
        .contains("foo: unknown configuration key")
        .doesNotContain("\tat ");
  }

  @Test
  void aBundleThatIsNotThereIsToldPlainly() throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("c.yaml"),
            "name: x\nbundle: {directory: %s}\n%s".formatted(directory, NOWHERE));

    assertThat(run("serve", "--config", file.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("headwater.yaml").doesNotContain("\tat ");
  }

  @Test
  void helpTellsTheExitCodes() {
    assertThat(run("--help")).isZero();

    assertThat(out.toString())
        .containsSubsequence(
            "Exit codes:",
            "0   success",
            "1   failure",
            "2   invalid usage",
            "3   negative result");
  }

  @Test
  void aNumberThatCannotBeIsAMistakeOfUsage() {
    assertThat(run("bench", "--workload", "ffnn", "--rounds", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("rounds must be at least 1, got 0");
  }

  @Test
  void aReplayOfNothingIsAMistakeOfUsage() throws Exception {
    assertThat(run("replay", "--config", deployment("").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("set replay.stream, --stream or --from-topic");
  }

  @Test
  void aReplayOfTwoThingsIsAMistakeOfUsage() throws Exception {
    String config = deployment("").toString();

    assertThat(run("replay", "--from-topic", "--stream", "f", "--config", config)).isEqualTo(2);
    assertThat(err.toString()).contains("--from-topic and --stream are mutually exclusive");
  }

  @Test
  void whatNeedsABrokerAsksForItsAddress() throws Exception {
    Path config = deployment("");
    Files.writeString(config, Files.readString(config).replace(NOWHERE, ""));

    for (String command :
        List.of("serve", "heads list", "labels erase r1", "topics check", "replay --from-topic")) {
      err.getBuffer().setLength(0);
      List<String> words = new ArrayList<>(List.of(command.split(" ")));
      words.addAll(List.of("--config", config.toString()));
      assertThat(run(words.toArray(String[]::new))).as(command).isEqualTo(2);
      assertThat(err.toString())
          .as(command)
          .contains("kafka.bootstrap.servers: required, but not set");
    }
    assertThat(run("topics", "acls", "--config", config.toString())).isZero();
  }

  @Test
  void whoWritesHeadsThatMustBeSignedIsAskedForTheKeyAtOnce() throws Exception {
    TestKeys keys = new TestKeys(directory).pair("ours", "Ed25519");
    Path stream = Files.writeString(directory.resolve("s.jsonl"), "{\"x\": [1, 2, 3, 4]}\n");
    String config =
        deployment(
                "heads: {trusted-keys: [%s]}\nreplay: {stream: %s}\n"
                    .formatted(keys.trusted("ours"), stream))
            .toString();

    for (String command : List.of("train", "heads rollback 1", "labels retire x", "bench")) {
      err.getBuffer().setLength(0);
      List<String> words = new ArrayList<>(List.of(command.split(" ")));
      words.addAll(List.of("--config", config));
      assertThat(run(words.toArray(String[]::new))).as(command).isEqualTo(2);
      assertThat(err.toString()).as(command).contains("set heads.signing-key");
    }
    err.getBuffer().setLength(0);
    assertThat(run("replay", "--config", config, "--stream", "missing.jsonl")).isNotZero();
    assertThat(err.toString())
        .as("the heads of a replay are for nobody else")
        .contains("missing.jsonl")
        .doesNotContain("signing-key");
  }

  private Path deployment(String more) throws Exception {
    Bundles.tabular(directory, 4, 2);
    return Files.writeString(
        directory.resolve("c.yaml"),
        "name: desk\nbundle: {directory: %s}\n%s%s".formatted(directory, NOWHERE, more));
  }

  @Test
  void inspectsForPeopleAndForPrograms() throws Exception {
    Path model = Files.write(directory.resolve("m.onnx"), GraphFixture.mlp(4, 16, 3));

    assertThat(run("inspect", model.toString())).isZero();
    assertThat(out.toString()).contains("auto cut ").contains("3 classes");

    out.getBuffer().setLength(0);
    assertThat(run("inspect", "--json", model.toString())).isZero();
    JsonNode json = Json.MAPPER.readTree(out.toString());
    assertThat(json.at("/cut/tensor").textValue()).isNotBlank();
    assertThat(json.at("/cut/parameters")).isNotEmpty();
    assertThat(json.at("/inputs")).hasSize(1);
    assertThat(json.at("/outputs")).hasSize(1);
    assertThat(json.at("/unsupported").isArray()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "clinc, sentence_embedding, quantized (int8)",
    "gas, /encoder/encoder.3/Relu_output_0,",
    "fashion, view,",
    "nuclei, /d1/d1.1/d1.1.2/Relu_output_0,",
    "bert, /m/bert/pooler/activation/Tanh_output_0,",
  })
  void inspectsNetworksAsTheirExportersWroteThem(String name, String cut, String unsupported)
      throws Exception {
    String model = Bundles.data(name).resolve("model.onnx").toString();

    assertThat(run("inspect", "--json", model)).as(err.toString()).isZero();

    JsonNode json = Json.MAPPER.readTree(out.toString());
    assertThat(json.at("/cut/tensor").textValue()).isEqualTo(cut);
    assertThat(json.at("/cut/parameters")).isNotEmpty();
    assertThat(json.at("/inputs")).isNotEmpty();
    assertThat(json.at("/outputs")).isNotEmpty();
    if (unsupported == null) {
      assertThat(json.at("/unsupported")).isEmpty();
    } else {
      assertThat(json.at("/unsupported"))
          .singleElement()
          .satisfies(reason -> assertThat(reason.textValue()).contains(unsupported));
    }
    out.getBuffer().setLength(0);
    assertThat(run("inspect", model)).as("for people").isZero();
    assertThat(out.toString()).contains("auto cut   at `" + cut + "`");
  }

  @Test
  void tellsWhichCutsCannotBeTrainedAndWhy() throws Exception {
    byte[] network =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("w2", 4, 3)
            .node("MatMul", "a", "x", "w1")
            .node("Hardmax", "b", "a")
            .node("MatMul", "y", "b", "w2")
            .output("y", -1, 3)
            .bytes();
    Path model = Files.write(directory.resolve("m.onnx"), network);

    assertThat(run("inspect", model.toString())).isZero();

    assertThat(out.toString())
        .contains("problem    Cannot cut at -2 or deeper. The head cannot be rebuilt for training.")
        .contains("Hardmax node with output `b`")
        .contains("cut -1 ")
        .doesNotContain("cut -2 ");
  }

  @Test
  void aFileThatIsNoModelIsToldPlainly() throws Exception {
    Path file = Files.writeString(directory.resolve("m.onnx"), "hello");

    assertThat(run("inspect", file.toString())).isEqualTo(2);
    assertThat(err.toString()).isNotBlank().doesNotContain("\tat ");
  }

  static List<List<String>> commands() {
    List<List<String>> commands = new ArrayList<>();
    collect(Main.commandLine(), List.of(), commands);
    return commands;
  }

  private static void collect(CommandLine line, List<String> path, List<List<String>> found) {
    found.add(path);
    line.getSubcommands()
        .forEach(
            (name, command) -> {
              List<String> deeper = new ArrayList<>(path);
              deeper.add(name);
              collect(command, deeper, found);
            });
  }

  private int run(String... words) {
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(words);
  }
}

package dev.headwater.replay.traffic;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.NotBlank;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabelledStreamTest {
  @TempDir Path directory;

  @Test
  void takesEveryTruthFieldOutOfTheValueAndKeepsTheRest() throws Exception {
    LabelledStream stream =
        open(
            "{\"id\": \"a\", \"x\": [1.50, 2], \"label\": \"up\", \"ppm\": 12.5, \"batch\": 3}\n",
            List.of("label", "ppm"));

    assertThat(stream.truth("task", 0)).isEqualTo("up");
    assertThat(values(stream)).containsExactly("{\"id\":\"a\",\"x\":[1.50,2],\"batch\":3}");
  }

  @Test
  void tellsDomainsAndSendsThem() throws Exception {
    Path file =
        Files.writeString(
            directory.resolve("domains.jsonl"),
            "{\"id\":\"a\",\"label\":\"up\",\"site\":\"north\"}\n{\"id\":\"b\"}\n[1]\n");

    LabelledStream stream =
        LabelledStream.open(
            file,
            List.of(),
            Map.of("task", Truth.of("label")),
            List.of(),
            Optional.of("site"),
            () -> {});

    assertThat(stream.domains()).containsExactly("north", null, null);
    assertThat(values(stream).get(0)).isEqualTo("{\"id\":\"a\",\"site\":\"north\"}");
  }

  @Test
  void refusesAFieldThatTellsRecordsApartAsDomains() throws Exception {
    String lines =
        IntStream.rangeClosed(0, 1000)
            .mapToObj(i -> "{\"site\":%d}".formatted(i))
            .collect(Collectors.joining("\n"));
    Path file = Files.writeString(directory.resolve("domains.jsonl"), lines);

    assertThatThrownBy(
            () ->
                LabelledStream.open(
                    file,
                    List.of(),
                    Map.of("task", Truth.of("label")),
                    List.of(),
                    Optional.of("site"),
                    () -> {}))
        .hasMessageContaining("replay.domain-field site has more than 1000 values");
  }

  @Test
  void whatTheTaskWouldRefuseIsNoTruth() throws Exception {
    Task closed = Bundles.tabular(directory, 4, 2, "open: false").task();
    Path file =
        Files.writeString(
            directory.resolve("stream.jsonl"),
            "{\"label\":\"label-0\"}\n{\"label\":\" \"}\n{\"label\":\"else\"}\n{\"label\":[\"label-0\"]}\n");

    LabelledStream stream =
        LabelledStream.open(
            file,
            List.of(),
            Map.of(closed.name(), Truth.of("label")),
            List.of(closed),
            Optional.empty(),
            () -> {});

    assertThat(stream.truths().get(closed.name())).containsExactly("label-0", null, null, null);
    assertThat(stream.invalidTruths())
        .as("blank is as good as absent")
        .containsEntry(closed.name(), 2);
  }

  @Test
  void refusesWhatCanBeReadOnlyOnce() {
    assertThatThrownBy(() -> open(directory, List.of("label")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("is not a regular file");
  }

  @Test
  void namesARecordWithoutAnIdByItsLine() throws Exception {
    LabelledStream stream =
        open("{\"id\":\"a\"}\n\n{\"label\":\"b\"}\n{\"id\":7}\n{\"id\":null}\n", List.of("label"));

    assertThat(List.of(stream.recordId(0), stream.recordId(1), stream.recordId(2)))
        .as("blank lines are no records but count as lines")
        .containsExactly("a", "3", "7");
    assertThat(stream.recordId(3)).isEqualTo("5");
    assertThat(stream.size()).isEqualTo(4);
  }

  @Test
  void sendsALineThatIsNoObjectAsItStands() throws Exception {
    LabelledStream stream =
        open("{\"id\":\"a\",\"label\":\"b\"\n[1,2]\nnull\n\"text\"\n", List.of("label"));

    assertThat(values(stream))
        .containsExactly("{\"id\":\"a\",\"label\":\"b\"", "[1,2]", "null", "\"text\"");
    assertThat(stream.truths().get("task"))
        .as("what is no object has no truth")
        .containsOnlyNulls();
  }

  @Test
  void keepsBytesThatAreNoUtf8() throws Exception {
    byte[] line = {'{', (byte) 0xff, '}'};
    Path file = Files.write(directory.resolve("stream.jsonl"), line);

    LabelledStream stream = open(file, List.of("label"));

    try (LabelledStream.Values values = stream.values()) {
      assertThat(values.next()).isEqualTo(line);
      assertThat(values.next()).isNull();
    }
  }

  @Test
  void doesNotLeakTheLabelOfALineWithNanAsPythonWritesIt() throws Exception {
    LabelledStream stream =
        open("{\"x\": [NaN, -Infinity, 1e400], \"label\": \"up\"}\r\n", List.of("label"));

    assertThat(stream.truth("task", 0)).isEqualTo("up");
    assertThat(values(stream)).containsExactly("{\"x\":[NaN,-Infinity,1E+400]}");
  }

  @Test
  void refusesAFileWithoutRecords() {
    assertThatThrownBy(() -> open("\n  \n", List.of("label")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("stream.jsonl")
        .hasMessageContaining("no records in");
  }

  @Test
  void readsATruthThatIsANumberAndIgnoresOneThatIsAStructure() throws Exception {
    LabelledStream stream =
        open("{\"label\":3}\n{\"label\":null}\n{\"label\":{\"a\":1}}\n{}", List.of("label"));

    assertThat(stream.truths().get("task")).containsExactly("3", null, null, null);
    assertThat(values(stream)).as("sent or not, it is never leaked").containsOnly("{}");
  }

  @Property(tries = 200)
  void neverLeaksALabelWhateverTheFieldsAreCalled(
      @ForAll @NotBlank String field, @ForAll @NotBlank String truth) throws Exception {
    ObjectNode line = Json.MAPPER.createObjectNode().put("text", "hello").put(field, truth);
    Path file = Files.createTempFile("stream", ".jsonl");
    try {
      Files.write(file, Json.MAPPER.writeValueAsBytes(line));
      LabelledStream stream = open(file, List.of(field));

      assertThat(stream.truth("task", 0)).isEqualTo(truth);
      assertThat(Json.MAPPER.readTree(values(stream).get(0)).has(field)).isFalse();
    } finally {
      Files.delete(file);
    }
  }

  private LabelledStream open(String text, List<String> truthFields) throws IOException {
    Path file = Files.writeString(directory.resolve("stream.jsonl"), text);
    return open(file, truthFields);
  }

  private static LabelledStream open(Path file, List<String> truthFields) throws IOException {
    return LabelledStream.open(file, truthFields, Map.of("task", Truth.of(truthFields.get(0))));
  }

  private static List<String> values(LabelledStream stream) throws IOException {
    List<String> all = new ArrayList<>();
    try (LabelledStream.Values values = stream.values()) {
      for (byte[] value = values.next(); value != null; value = values.next()) {
        all.add(new String(value, UTF_8));
      }
    }
    return all;
  }
}

package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KindTest {
  private static final String TASKS =
      """
      name: kinds
      model: model.onnx
      tasks:
        - {name: kind, labels: labels.json, label: /kind}
        - {name: size, kind: regression, head: none, scale: log, label: /size}
        - {name: tags, kind: multi-label, head: none, label: /tags}
      input: {id: /id, numbers: /x}
      """;

  @TempDir Path directory;

  private Bundle bundle(String manifest) throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(2, 16, 2));
    Files.writeString(directory.resolve("labels.json"), "[\"a\", \"b\"]");
    return Bundles.load(directory, manifest);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "size | twelve | is not a number",
        "size | NaN    | is not a number",
        "size | 0x10   | is not a number",
        "size | 1e999  | is outside the supported range",
        "size | 0      | must be above 0, because the scale is log",
        "tags | a      | is not an array of labels",
        "tags | [1]    | is not an array of labels",
        "tags | [\" \"] | contains a blank label",
        "kind | [\"a\"] | is an array, expected a single label",
      })
  void aLabelOfAnotherKindIsRefusedByItsField(String name, String label, String cause)
      throws Exception {
    Task task =
        bundle(TASKS).tasks().stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();

    assertThatThrownBy(() -> task.checkLabel(label, "/label", "r1"))
        .isInstanceOf(InvalidRecordException.class)
        .hasMessage("/label " + cause);
  }

  @Test
  void everyKindIsReadFromItsRecordAsItIsWrittenInJson() throws Exception {
    RecordDecoder decoder = bundle(TASKS).decoder();
    String record = "{\"id\": \"r\", \"x\": [1, 2], \"kind\": \"a\", \"size\": %s, \"tags\": %s}";

    assertThat(decoder.decode(bytes(record.formatted("1.50", "[\"t\", \"s\", \"t\"]"))).labels())
        .as("a set has no order")
        .containsExactly("a", "1.50", "[\"s\",\"t\"]");
    assertThat(decoder.decode(bytes(record.formatted("null", "[]"))).labels())
        .as("no label applies, which is not the same as not knowing")
        .containsExactly("a", null, "[]");
    assertThatThrownBy(() -> decoder.decode(bytes(record.formatted("\"big\"", "[]"))))
        .hasMessageContaining("/size is a string, expected a number");
    assertThatThrownBy(() -> decoder.decode(bytes(record.formatted("1", "\"t\""))))
        .hasMessageContaining("/tags is a string, expected an array of labels");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void saysWhatHasNoMeaningForANumber() {
    assertThat(
            catchThrowableOfType(
                    BundleException.class,
                    () ->
                        bundle(
                            """
                            name: kinds
                            model: model.onnx
                            tasks:
                              - {name: size, kind: regression, labels: labels.json, open: false}
                              - {name: tags, kind: multi-label, head: none, scale: log}
                              - {name: mood, kind: ordinal, head: none}
                            input: {id: /id, numbers: /x}
                            """))
                .getMessage())
        .contains("tasks[0].labels: is not allowed with kind: regression")
        .contains("tasks[0].open: is not allowed with kind: regression")
        .contains("tasks[1].scale: requires kind: regression")
        .contains("tasks[2].kind: invalid value 'ordinal', expected one of")
        .contains("labels: 1 labels for a head with 2 outputs");
  }

  @Test
  void aNumberHasOneOutputThatIsNoLabel() throws Exception {
    Task size = bundle(TASKS).tasks().get(1);

    assertThat(size.labels()).containsExactly(Kind.Quantity.OUTPUT);
    assertThat(size.open()).isFalse();
    assertThat(size.head()).isEmpty();
  }

  @Property
  void aNumberComesBackFromItsScale(@ForAll @DoubleRange(min = -9, max = 9) double decades) {
    double number = Math.pow(10, decades);
    for (Kind.Quantity kind : List.of(new Kind.Quantity(true), new Kind.Quantity(false))) {
      double back = kind.value(kind.onScale(Double.toString(number)));
      assertThat(back / number).isBetween(1 - 1e-12, 1 + 1e-12);
    }
  }

  @Test
  void aNumberThatNoHeadCouldBeTaughtIsRefused() {
    assertThat(new Kind.Quantity(false).problem("-1e41")).contains("outside the supported range");
    assertThat(new Kind.Quantity(false).problem("1e30")).isNull();
    assertThat(new Kind.Quantity(true).problem("1e41")).as("by its logarithm").isNull();
    assertThat(new Kind.Quantity(true).problem("1e999")).contains("outside the supported range");
  }

  @Test
  void aRenamedLabelIsRenamedInEverySetAndARetiredOneLeavesThem() {
    LabelAliases aliases = LabelAliases.none("tags").renamed("b", "z").retired("c");

    assertThat(new Kind.LabelSet().now(aliases, Label.text(List.of("c", "b", "a"))))
        .contains("[\"a\",\"z\"]");
    assertThat(new Kind.LabelSet().now(aliases, "[\"c\"]")).contains("[]");
  }
}

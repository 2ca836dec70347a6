package dev.headwater.labelling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;

/** What annotators get, and what is made of what they give back. */
class AnnotatedFilesTest {
  private static final Source SOURCE = new Source("records", 0, 1);

  @TempDir Path directory;
  private Bundle bundle;
  private Path file;

  @BeforeEach
  void load() throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(4, 16, 2));
    Files.writeString(directory.resolve("labels.json"), "[\"ham & eggs\", \"spam\"]");
    bundle =
        Bundles.load(
            directory,
            """
            name: three
            model: model.onnx
            tasks:
              - {name: kind, labels: labels.json}
              - {name: tags, head: none, kind: multi-label}
              - {name: size, head: none, kind: regression}
            input: {id: /id, numbers: /x}
            """);
    file = directory.resolve("exported");
  }

  @Test
  void aTaskShowsTheRecordAndWhatTheHeadSaid() throws Exception {
    studio("kind").write(List.of(item("kind", Reason.UNSURE, "spam")), file);

    JsonNode task = Json.MAPPER.readTree(file.toFile()).get(0);
    assertThat(task.at("/data/recordId").asText()).isEqualTo("r1");
    assertThat(task.at("/data/record/x/0").asInt()).isEqualTo(1);
    assertThat(task.at("/predictions/0/score").asDouble()).isEqualTo(.75);
    JsonNode result = task.at("/predictions/0/result/0");
    assertThat(result.path("type").asText()).isEqualTo("choices");
    assertThat(result.at("/value/choices/0").asText()).isEqualTo("spam");
  }

  @Test
  void severalLabelsAndNumbersArePreAnnotatedAsSuch() throws Exception {
    studio("tags").write(List.of(item("tags", Reason.UNSURE, "[\"a\",\"b\"]")), file);
    assertThat(Json.MAPPER.readTree(file.toFile()).at("/0/predictions/0/result/0/value/choices"))
        .hasSize(2);

    studio("size").write(List.of(item("size", Reason.UNSURE, "2.5")), file);
    JsonNode number = Json.MAPPER.readTree(file.toFile()).at("/0/predictions/0/result/0");
    assertThat(number.path("type").asText()).isEqualTo("number");
    assertThat(number.at("/value/number").asDouble()).isEqualTo(2.5);
  }

  @Test
  void anAuditedRecordShowsNoPrediction() throws Exception {
    ReviewItem audited = item("kind", Reason.AUDIT, null);

    studio("kind").write(List.of(audited), file);
    assertThat(Json.MAPPER.readTree(file.toFile()).get(0).has("predictions")).isFalse();

    rows("kind").write(List.of(audited), file);
    assertThat(file).content().doesNotContain("spam").contains("r1,kind,AUDIT");
  }

  @Test
  void theConfigurationFitsTheTask() throws Exception {
    Document one = xml(studio("kind").config(List.of("ham & eggs", "spam")));
    assertThat(one.getElementsByTagName("Choice").item(0).getAttributes().getNamedItem("value"))
        .extracting(org.w3c.dom.Node::getNodeValue)
        .isEqualTo("ham & eggs");
    assertThat(choice(one)).isEqualTo("single");
    assertThat(one.getElementsByTagName("TextArea").getLength()).as("new labels").isOne();
    assertThat(choice(xml(studio("tags").config(List.of("a"))))).isEqualTo("multiple");
    assertThat(xml(studio("size").config(List.of())).getElementsByTagName("Number").getLength())
        .isOne();
  }

  @Test
  void readsTheJsonExport() throws Exception {
    Files.writeString(
        file,
        """
        [{"id": 1, "data": {"recordId": "r1", "task": "kind"}, "predictions": [],
          "annotations": [
            {"was_cancelled": false, "updated_at": "2026-01-02T00:00:00Z",
             "result": [%s]},
            {"was_cancelled": false, "updated_at": "2026-01-01T00:00:00Z", "result": [%s]},
            {"was_cancelled": true, "updated_at": "2026-01-03T00:00:00Z", "result": [%2$s]}]},
         {"id": 2, "data": {"recordId": "r2", "task": "kind"}, "annotations": []},
         {"id": 3, "data": {"recordId": "r3", "task": "kind"}, "annotations": [
            {"result": [{"from_name": "other", "type": "textarea", "value": {"text": ["new"]}}, %2$s]}]},
         {"id": 4, "data": {"recordId": "r4", "task": "another"}, "annotations": [
            {"result": [%1$s]}]}]
        """
            .formatted(choices("spam"), choices("ham & eggs")));

    assertThat(studio("kind").read(file))
        .as("the last not cancelled; nothing where nobody answered; what was written in by hand")
        .containsExactly(new Label("r1", "kind", "spam"), new Label("r3", "kind", "new"));
  }

  @Test
  void severalLabelsMayBeNone() throws Exception {
    Files.writeString(
        file,
        """
        [{"data": {"recordId": "r1", "task": "tags"}, "annotations": [{"result": [%s]}]},
         {"data": {"recordId": "r2", "task": "tags"}, "annotations": [{"result": []}]}]
        """
            .formatted("{\"from_name\":\"label\",\"value\":{\"choices\":[\"b\",\"a\"]}}"));

    assertThat(studio("tags").read(file))
        .containsExactly(new Label("r1", "tags", "[\"a\",\"b\"]"), new Label("r2", "tags", "[]"));
  }

  @Test
  void readsJsonMin() throws Exception {
    Files.writeString(
        file,
        """
        [{"id": 1, "recordId": "r1", "task": "kind", "label": "spam", "annotator": 1},
         {"id": 2, "recordId": "r2", "task": "kind", "other": "new", "label": "spam"},
         {"id": 3, "recordId": "r3", "task": "kind"}]
        """);
    assertThat(studio("kind").read(file))
        .containsExactly(new Label("r1", "kind", "spam"), new Label("r2", "kind", "new"));

    Files.writeString(
        file,
        """
        [{"recordId": "r1", "task": "tags", "label": {"choices": ["a", "b"]}},
         {"recordId": "r2", "task": "tags", "label": "a"}]
        """);
    assertThat(studio("tags").read(file))
        .containsExactly(
            new Label("r1", "tags", "[\"a\",\"b\"]"), new Label("r2", "tags", "[\"a\"]"));

    Files.writeString(file, "[{\"recordId\": \"r1\", \"task\": \"size\", \"label\": 2.5}]");
    assertThat(studio("size").read(file)).containsExactly(new Label("r1", "size", "2.5"));
  }

  @Test
  void readsCsvFilledInByHandAndLabelStudios() throws Exception {
    rows("kind").write(List.of(item("kind", Reason.UNSURE, "spam")), file);
    assertThat(rows("kind").read(file)).as("nothing filled in yet").isEmpty();
    Files.writeString(
        file, Files.readString(file).replaceAll("spam,\"?\"?\n$", "spam,ham & eggs\n"));
    assertThat(rows("kind").read(file)).containsExactly(new Label("r1", "kind", "ham & eggs"));

    Files.writeString(
        file,
        """
        annotation_id,annotator,label,lead_time,record,recordId,task
        1,1,"{""choices"":[""a"",""b""]}",1.5,"{""x"":[1,2]}",r1,tags
        2,1,a,1.5,"two
        lines",r2,tags
        3,1,,1.5,x,r3,tags
        4,1,[],1.5,x,r4,tags
        """);
    assertThat(rows("tags").read(file))
        .containsExactly(
            new Label("r1", "tags", "[\"a\",\"b\"]"),
            new Label("r2", "tags", "[\"a\"]"),
            new Label("r4", "tags", "[]"));
  }

  @Test
  void aPictureIsADataUriAndATextIsItsField() throws Exception {
    Bundle pictures = Bundles.pictures(Files.createDirectory(directory.resolve("p")), 2, 2);
    String payload = "{\"id\":\"r1\",\"image\":\"%s\"}".formatted(Bundles.PIXELS);
    new LabelStudio(pictures.task(), pictures.medium())
        .write(List.of(item("thing", payload, Reason.AUDIT, null)), file);
    assertThat(Json.MAPPER.readTree(file.toFile()).at("/0/data/image").asText())
        .isEqualTo("data:image/png;base64," + Bundles.PIXELS);

    Bundle words = Bundles.text(Files.createDirectory(directory.resolve("w")), 4, 2);
    new LabelStudio(words.task(), words.medium())
        .write(
            List.of(item("intent", "{\"id\":1,\"text\":\"my card\"}", Reason.AUDIT, null)), file);
    assertThat(Json.MAPPER.readTree(file.toFile()).at("/0/data/text").asText())
        .isEqualTo("my card");
  }

  @Test
  void masksAreNotForLabelStudio() throws Exception {
    Bundle masks = Bundles.segments(directory.resolve("m"), 4, 4, 1);

    assertThatThrownBy(() -> new LabelStudio(masks.task(), masks.medium()))
        .hasMessageContaining("pixels tells masks")
        .hasMessageContaining("CSV");
  }

  private static String choices(String label) {
    return "{\"from_name\": \"label\", \"to_name\": \"record\", \"type\": \"choices\", \"value\": {\"choices\": [\"%s\"]}}"
        .formatted(label);
  }

  private static String choice(Document config) {
    return config
        .getElementsByTagName("Choices")
        .item(0)
        .getAttributes()
        .getNamedItem("choice")
        .getNodeValue();
  }

  private static Document xml(String text) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new org.xml.sax.InputSource(new java.io.StringReader(text)));
  }

  private LabelStudio studio(String task) {
    return new LabelStudio(task(task), bundle.medium());
  }

  private Rows rows(String task) {
    return new Rows(task(task), bundle.medium());
  }

  private Task task(String name) {
    return bundle.tasks().stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
  }

  private static ReviewItem item(String task, Reason reason, String said) {
    return item(task, "{\"id\":\"r1\",\"x\":[1,2,3,4]}", reason, said);
  }

  private static ReviewItem item(String task, String payload, Reason reason, String said) {
    Scored scored = said == null ? null : new Scored(said, .75);
    return new ReviewItem("r1", task, reason, payload, false, scored, SOURCE);
  }
}

package dev.headwater.labelling;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
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
  void whatAnotherKindOfHeadSaidIsNotShown() throws Exception {
    studio("size").write(List.of(item("size", Reason.UNSURE, "spam")), file);

    assertThat(Json.MAPPER.readTree(file.toFile()).get(0).has("predictions")).isFalse();
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

  /** Else "spam " would be a label of its own, and a blank more than what was chosen. */
  @Test
  void blanksAroundWhatWasTypedMeanNothing() throws Exception {
    String typed = "{\"from_name\": \"other\", \"value\": {\"text\": [\"%s\"]}}";
    Files.writeString(
        file,
        """
        [{"data": {"recordId": "r1"}, "annotations": [{"result": [%s]}]},
         {"data": {"recordId": "r2"}, "annotations": [{"result": [%s, %s]}]},
         {"recordId": "r3", "other": "new "}]
        """
            .formatted(typed.formatted(" new "), choices("spam"), typed.formatted(" ")));
    List<Label> labels =
        List.of(
            new Label("r1", "kind", "new"),
            new Label("r2", "kind", "spam"),
            new Label("r3", "kind", "new"));
    assertThat(studio("kind").read(file)).isEqualTo(labels);

    Files.writeString(
        file, "label,other,recordId\n,\"[\"\" new \"\"]\",r1\nspam,\"[\"\" \"\"]\",r2\n,new ,r3\n");
    assertThat(rows("kind").read(file)).isEqualTo(labels);
  }

  @Test
  void aHintNamesALabelThatMayBeChosen() {
    LabelAliases aliases =
        LabelAliases.none("kind").renamed("spam", "junk").renamed("ham", "beef").retired("fish");
    List<ReviewItem> items =
        Stream.of("spam", "ham", "fish", "eggs")
            .map(said -> item("kind", Reason.UNSURE, said))
            .toList();

    assertThat(Reviews.renamed(task("kind"), items, aliases, List.of("junk", "eggs")))
        .extracting(item -> item.prediction() == null ? "" : item.prediction().label())
        .containsExactly("junk", "", "", "eggs");
    assertThat(
            Reviews.renamed(
                task("tags"),
                List.of(item("tags", Reason.UNSURE, "[\"fish\",\"spam\"]")),
                aliases,
                List.of("junk")))
        .extracting(item -> item.prediction().label())
        .containsExactly("[\"junk\"]");
  }

  @Test
  void aSpreadsheetShowsWhatItWouldCalculate() throws Exception {
    Bundle words = Bundles.text(Files.createDirectory(directory.resolve("w")), 4, 2);
    Rows rows = new Rows(words.task(), words.medium());
    List<ReviewItem> items =
        Stream.of("=HYPERLINK(1)", "-1.5", "\tétude")
            .map(
                text ->
                    item(
                        "intent",
                        Json.MAPPER.createObjectNode().put("text", text).toString(),
                        Reason.UNSURE,
                        "@home"))
            .toList();

    rows.write(items, file);

    assertThat(file)
        .content()
        .startsWith("\uFEFFrecordId,")
        .contains("'=HYPERLINK(1)", "UNSURE,-1.5,", "'\tétude", "'@home");
    Files.writeString(file, Files.readString(file).replaceAll("(@home\"?,)(\"\")?\n", "$1@home\n"));
    assertThat(rows.read(file)).containsExactly(new Label("r1", "intent", "@home"));
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

  /** Label Studio writes the annotation created last first, however late another was updated. */
  @Test
  void ofARecordAnnotatedTwiceTheAnnotationUpdatedLastCounts() throws Exception {
    Files.writeString(
        file,
        """
        [{"recordId": "r1", "label": "new", "created_at": "2026-01-02T00:00:00.1Z", "updated_at": "2026-01-02T00:00:00.1Z"},
         {"recordId": "r1", "label": "old", "created_at": "2026-01-01T00:00:00.1Z", "updated_at": "2026-01-01T00:00:00.1Z"},
         {"recordId": "r2", "label": "old", "created_at": "2026-01-02T00:00:00.1Z", "updated_at": "2026-01-02T00:00:00.1Z"},
         {"recordId": "r2", "label": "new", "created_at": "2026-01-01T00:00:00.1Z", "updated_at": "2026-01-03T00:00:00.1Z"},
         {"recordId": "r3", "label": "new", "created_at": "2026-01-02T00:00:00.1Z", "updated_at": null},
         {"recordId": "r3", "label": "old", "created_at": "2026-01-01T00:00:00.1Z", "updated_at": null},
         {"recordId": "r4", "label": "old"},
         {"recordId": "r4", "label": "new"}]
        """);
    assertThat(studio("kind").read(file)).containsExactlyElementsOf(newOf("r1", "r2", "r3", "r4"));

    Files.writeString(
        file,
        """
        created_at,label,recordId,updated_at
        2026-01-02T00:00:00.1Z,new,r1,2026-01-02T00:00:00.1Z
        2026-01-01T00:00:00.1Z,old,r1,2026-01-01T00:00:00.1Z
        2026-01-02T00:00:00.1Z,old,r2,2026-01-02T00:00:00.1Z
        2026-01-01T00:00:00.1Z,new,r2,2026-01-03T00:00:00.1Z
        """);
    assertThat(rows("kind").read(file)).containsExactlyElementsOf(newOf("r1", "r2"));
    Files.writeString(file, "label,recordId\nold,r1\nnew,r1\n");
    assertThat(rows("kind").read(file)).containsExactlyElementsOf(newOf("r1"));
  }

  @Test
  void aRecordImportedTwiceHasOneLabelToo() throws Exception {
    Files.writeString(
        file,
        """
        [{"data": {"recordId": "r1"}, "annotations": [
            {"updated_at": "2026-01-02T00:00:00.1Z", "result": [%s]}]},
         {"data": {"recordId": "r1"}, "annotations": [
            {"updated_at": "2026-01-01T00:00:00.1Z", "result": [%s]}]}]
        """
            .formatted(choices("new"), choices("old")));
    assertThat(studio("kind").read(file)).containsExactlyElementsOf(newOf("r1"));
  }

  private static List<Label> newOf(String... ids) {
    return Stream.of(ids).map(id -> new Label(id, "kind", "new")).toList();
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
  void aCsvWithoutTheColumnsItNeedsIsRefused() throws Exception {
    for (String csv :
        List.of(
            "recordId;label\nr1;spam\n",
            "recordId,Label\nr1,spam\n",
            "id,label\nr1,spam\n",
            "recordId;label\n")) {
      Files.writeString(file, csv);
      assertThatThrownBy(() -> rows("kind").read(file))
          .as(csv)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("'recordId' and 'label' are required")
          .hasMessageContaining("[" + csv.substring(0, csv.indexOf('\n')).replace(",", ", ") + "]")
          .hasMessageContaining("commas");
    }

    Files.writeString(file, "\uFEFFrecordId, label\nr1,spam\n");
    assertThat(rows("kind").read(file))
        .as("as spreadsheets write it")
        .containsExactly(new Label("r1", "kind", "spam"));
    Files.writeString(file, "recordId,label\n");
    assertThat(rows("kind").read(file)).isEmpty();
    Files.writeString(file, "other,recordId\nnew,r1\n");
    assertThat(rows("kind").read(file)).containsExactly(new Label("r1", "kind", "new"));
  }

  /** Of numbers Label Studio keeps the array and the object around them. */
  @Test
  void aNumberMayBeWrapped() throws Exception {
    Files.writeString(
        file,
        """
        [{"recordId": "r1", "label": [{"number": 2.5}]},
         {"recordId": "r2", "label": {"number": -1}},
         {"recordId": "r3", "label": "0.5"},
         {"recordId": "r4", "label": []},
         {"recordId": "r5", "label": null},
         {"recordId": "r6", "label": [{"number": 1}, {"number": 2}]}]
        """);
    List<Label> numbers =
        List.of(
            new Label("r1", "size", "2.5"),
            new Label("r2", "size", "-1"),
            new Label("r3", "size", "0.5"),
            new Label("r6", "size", "[{\"number\":1},{\"number\":2}]"));
    assertThat(studio("size").read(file)).as("two are none, and refused").isEqualTo(numbers);

    Files.writeString(
        file,
        """
        label,recordId
        "[{""number"": 2.5}]",r1
        "{""number"": -1}",r2
        0.5,r3
        [],r4
        ,r5
        "[{""number"": 1}, {""number"": 2}]",r6
        """);
    assertThat(rows("size").read(file)).isEqualTo(numbers);
  }

  @Test
  void severalMayBeWrittenInByHand() throws Exception {
    Files.writeString(
        file,
        """
        [{"recordId": "r1", "label": "a", "other": {"text": ["b", "c"]}},
         {"recordId": "r2", "other": ["b", {"text": ["c", "d"]}]}]
        """);
    List<Label> labels =
        List.of(
            new Label("r1", "tags", "[\"a\",\"b\",\"c\"]"),
            new Label("r2", "tags", "[\"b\",\"c\",\"d\"]"));
    assertThat(studio("tags").read(file)).isEqualTo(labels);

    Files.writeString(
        file,
        """
        label,other,recordId
        a,"{""text"": [""b"", ""c""]}",r1
        ,"[""b"", {""text"": [""c"", ""d""]}]",r2
        """);
    assertThat(rows("tags").read(file)).isEqualTo(labels);
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
  void whatScoringReadsIsExported() throws Exception {
    List<ReviewItem> items =
        Stream.of(
                "{\"x\":[1,2,3,4],\"unread\":NaN,\"far\":-Infinity}",
                "\uFEFF{\"x\":[1]}",
                "{\"x\":",
                "")
            .map(payload -> item("kind", payload, Reason.AUDIT, null))
            .toList();

    studio("kind").write(items, file);

    JsonNode exported = Json.MAPPER.readTree(file.toFile());
    assertThat(exported.at("/0/data/record/x/3").asInt()).isEqualTo(4);
    assertThat(exported.at("/0/data/record/unread").asText()).isEqualTo("NaN");
    assertThat(exported.at("/1/data/record/x/0").asInt()).isEqualTo(1);
    assertThat(exported.at("/2/data/record").asText()).as("no JSON").isEqualTo("{\"x\":");
    assertThat(exported.at("/3/data/record").asText("?")).isEmpty();
    rows("kind").write(items, file);
    assertThat(file).content().contains("-Infinity").contains("{\"\"x\"\":[1]}");
  }

  /** Of a text and a picture the field, or the value as it came where that has none to find. */
  @Test
  void whatHasNoFieldToShowIsShownAsItCame() throws Exception {
    Bundle words = Bundles.text(Files.createDirectory(directory.resolve("w")), 4, 2);
    Bundle pictures = Bundles.pictures(Files.createDirectory(directory.resolve("p")), 2, 2);
    String marked = "\uFEFF{\"id\":1,\"text\":\"my card\",\"image\":\"%s\",\"n\":NaN}";
    List<ReviewItem> items =
        List.of(
            item("any", marked.formatted(Bundles.PIXELS), Reason.AUDIT, null),
            item("any", "my card", Reason.AUDIT, null));

    new LabelStudio(words.task(), words.medium()).write(items, file);
    JsonNode texts = Json.MAPPER.readTree(file.toFile());
    assertThat(texts.at("/0/data/text").asText()).isEqualTo("my card");
    assertThat(texts.at("/1/data/text").asText()).isEqualTo("my card");

    new LabelStudio(pictures.task(), pictures.medium()).write(items, file);
    JsonNode images = Json.MAPPER.readTree(file.toFile());
    assertThat(images.at("/0/data/image").asText()).endsWith(Bundles.PIXELS);
    assertThat(images.at("/1/data/image").asText()).isEqualTo("my card");
  }

  @Test
  void aTensorIsBase64WhateverItsBytesAre() throws Exception {
    Bundle tensors = Bundles.tensors(Files.createDirectory(directory.resolve("t")), 4, 2);
    byte[] text = "[1,2,3,4,5,6,7]\n".getBytes(UTF_8);
    byte[] other = {(byte) 0xff, 0, 0, 63, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    String base64 = Base64.getEncoder().encodeToString(other);

    new LabelStudio(tensors.task(), tensors.medium())
        .write(
            List.of(
                item("kind", new String(text, UTF_8), Reason.AUDIT, null),
                new ReviewItem("r2", "kind", Reason.AUDIT, base64, true, null, SOURCE)),
            file);

    JsonNode exported = Json.MAPPER.readTree(file.toFile());
    assertThat(exported.at("/0/data/record").asText())
        .isEqualTo(Base64.getEncoder().encodeToString(text));
    assertThat(exported.at("/1/data/record").asText()).isEqualTo(base64);
  }

  @Test
  void aMaskIsPaintedOnItsPictureAndReadBack() throws Exception {
    Bundle masks = masks();
    LabelStudio studio = new LabelStudio(masks.task(), masks.medium());
    Document config = xml(studio.config(masks.task().labels()));
    assertThat(config.getElementsByTagName("Image").getLength()).isEqualTo(1);
    assertThat(config.getElementsByTagName("Label").getLength()).as("but the first").isEqualTo(2);
    byte[] said = {0, 1, 1, 2, 2, 2};
    String mask = masks.task().masks().orElseThrow().encode(said);

    studio.write(List.of(painted(3, 2, mask)), file);

    JsonNode exported = Json.MAPPER.readTree(file.toFile());
    JsonNode strokes = exported.at("/0/predictions/0/result");
    assertThat(strokes).hasSize(2);
    assertThat(strokes.get(0).path("type").asText()).isEqualTo("brushlabels");
    assertThat(strokes.at("/1/value/brushlabels/0").asText()).isEqualTo("deep");
    assertThat(strokes.at("/1/original_width").asInt()).isEqualTo(3);
    ((ObjectNode) exported.get(0)).putArray("annotations").addObject().set("result", strokes);
    Json.MAPPER.writeValue(file.toFile(), exported);
    assertThat(studio.read(file)).containsExactly(new Label("r1", "pixels", mask));

    studio.write(List.of(painted(3, 2, null)), file);
    assertThat(Json.MAPPER.readTree(file.toFile()).get(0).has("predictions")).isFalse();
    assertThatThrownBy(() -> studio.write(List.of(painted(2, 3, mask)), file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'r1' is 2 x 3, but masks are 3 x 2");
    for (String none : List.of("{\"image\":\"aGk=\"}", "no picture")) {
      assertThatThrownBy(
              () -> studio.write(List.of(item("pixels", none, Reason.AUDIT, null)), file))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("'r1' has no readable image");
    }
  }

  @Test
  void strokesCoverOneAnotherAndNoneAtAllIsAnAnswer() throws Exception {
    Bundle masks = masks();
    LabelStudio studio = new LabelStudio(masks.task(), masks.medium());
    // six pixels, the second and the fifth painted; then all of them but the last
    String spots = stroke("0,0,0,24,57,27,252,96,17,255,206,1,31,252,96,0", 3, "deep");
    String most = stroke("0,0,0,24,57,27,254,19,255,140,0", 3, "light");
    Files.writeString(
        file,
        """
        [{"data": {"recordId": "r1", "task": "pixels"}, "annotations": [{"result": [%1$s, %2$s]}]},
         {"data": {"recordId": "r2", "task": "pixels"}, "annotations": [{"result": [%2$s, %1$s]}]},
         {"data": {"recordId": "r3", "task": "pixels"}, "annotations": [{"result": []}]},
         {"data": {"recordId": "r4", "task": "pixels"}, "annotations": [
            {"was_cancelled": true, "result": [%1$s]}]},
         {"data": {"recordId": "r5", "task": "kind"}, "annotations": [{"result": [%3$s]}]}]
        """
            .formatted(spots, most, choices("of another task")));

    assertThat(studio.read(file))
        .extracting(label -> pixels(masks, label))
        .containsExactly(
            List.of(1, 1, 1, 1, 1, 0), List.of(1, 2, 1, 1, 2, 0), List.of(0, 0, 0, 0, 0, 0));
  }

  @Test
  void whatIsNoStrokeOnThisMaskIsRefusedByItsRegion() throws Exception {
    Bundle masks = masks();
    LabelStudio studio = new LabelStudio(masks.task(), masks.medium());
    String spots = "0,0,0,24,57,27,252,96,17,255,206,1,31,252,96,0";
    assertRefused(studio, stroke(spots, 3, "blue"), "has the label 'blue', expected one of");
    assertRefused(studio, stroke(spots, 6, "deep"), "an image of 6 x 2 pixels");
    assertRefused(studio, stroke("0,0,0,24,57", 3, "deep"), "is a truncated stroke");
    assertRefused(
        studio, "{\"id\": \"s\", \"value\": {\"points\": [[1, 2]]}}", "is not a brush stroke");
    Files.writeString(file, "[{\"recordId\": \"r1\", \"task\": \"pixels\", \"label\": []}]");
    assertThatThrownBy(() -> studio.read(file)).hasMessageContaining("not from JSON-MIN");
  }

  private void assertRefused(LabelStudio studio, String stroke, String why) throws Exception {
    Files.writeString(
        file,
        "[{\"data\": {\"recordId\": \"r1\"}, \"annotations\": [{\"result\": [%s]}]}]"
            .formatted(stroke));
    assertThatThrownBy(() -> studio.read(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("region 's' of record 'r1' ")
        .hasMessageContaining(why);
  }

  /** Three by two pixels: dark, light and deep. */
  private Bundle masks() throws Exception {
    return Bundles.segments(directory.resolve("m"), 2, 3, List.of("dark", "light", "deep"));
  }

  private static List<Integer> pixels(Bundle masks, Label label) {
    try {
      byte[] pixels =
          masks.task().masks().orElseThrow().decode(label.label(), "label", label.recordId());
      return IntStream.range(0, pixels.length).mapToObj(i -> (int) pixels[i]).toList();
    } catch (InvalidRecordException e) {
      throw new AssertionError(e);
    }
  }

  private static ReviewItem painted(int width, int height, String mask) throws Exception {
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY), "png", png);
    String payload =
        "{\"id\":\"r1\",\"image\":\"%s\"}"
            .formatted(Base64.getEncoder().encodeToString(png.toByteArray()));
    Reason reason = mask == null ? Reason.AUDIT : Reason.UNSURE;
    return new ReviewItem("r1", "pixels", reason, payload, false, null, SOURCE, mask);
  }

  private static String stroke(String rle, int width, String label) {
    return """
    {"id": "s", "from_name": "label", "to_name": "record", "type": "brushlabels",
     "original_width": %d, "original_height": 2, "image_rotation": 0,
     "value": {"format": "rle", "rle": [%s], "brushlabels": ["%s"]}}
    """
        .formatted(width, rle, label);
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

package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BundleTest {
  private static final String GOOD =
      """
      name: small
      task: kind
      model: model.onnx
      labels: labels.json
      input:
        numbers: /x
      """;

  @TempDir Path directory;

  @BeforeEach
  void writeFiles() throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(4, 16, 3));
    Files.writeString(directory.resolve("labels.json"), "[\"a\", \"b\", \"c\"]");
    Files.writeString(directory.resolve("tokenizer.json"), Tokenizers.WORDS);
  }

  private String refusal(String manifest) {
    return catchThrowableOfType(BundleException.class, () -> Bundles.load(directory, manifest))
        .getMessage();
  }

  @Test
  void countsTheLabelsOfADeeperHeadToo() throws Exception {
    Files.writeString(directory.resolve("labels.json"), "[\"a\", \"b\"]");

    assertThat(refusal(GOOD + "cut: -2\n")).contains("labels: 2 labels for a head with 3 outputs");
  }

  @Test
  void namesWhatIsLargerThanAnyArray() throws Exception {
    assertThat(
            refusal(
                GOOD.replace("labels: labels.json", "head: none\ncut: r\nhidden: [65536, 65536]")))
        .contains("cut: the head has more weights than an array can hold: reduce hidden");
    byte[] huge =
        GraphFixture.opset(17)
            .input("image", -1, 3, 30_000, 30_000)
            .weight("fc", 3, 2)
            .node("GlobalAveragePool", "mean", "image")
            .node("Flatten", "features", "mean")
            .node("MatMul", "logits", "features", "fc")
            .output("logits", -1, 2)
            .bytes();
    Files.write(directory.resolve("model.onnx"), huge);
    Files.writeString(directory.resolve("labels.json"), "[\"a\", \"b\"]");

    assertThat(refusal(GOOD.replaceFirst("(?s)input:.*", "input: {format: tensor}\n")))
        .contains("input: a record has more values than an array can hold");
  }

  /** As of DeiT, whose answer is the mean of two heads'; with cut: -1 one of them is the head. */
  @Test
  void refusesAHeadThatIsNotAllOfTheAnswer() throws Exception {
    GraphFixture heads =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4, 3)
            .weight("w2", 4, 3)
            .node("MatMul", "one", "x", "w1")
            .node("MatMul", "other", "x", "w2");
    Path model = directory.resolve("model.onnx");
    Files.write(model, heads.node("Add", "sum", "one", "other").output("sum", -1, 3).bytes());

    assertThat(refusal(GOOD + "cut: -1\n"))
        .contains(
            "cut: Predictions are computed from the logits `other` and ignore later operators (Add)");

    Files.write(model, heads.node("Tanh", "bent", "other").output("bent", -1, 3).bytes());
    assertThat(Bundles.load(directory, GOOD + "cut: -1\n").task().labels())
        .as("which of them is ahead is answered as well")
        .hasSize(3);
  }

  /** As exporters write networks that take pictures of any size; a map of four channels. */
  private void writeNetworkOfPictures() throws Exception {
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, -1, -1)
            .weight("c1", 4, 1, 3, 3)
            .weight("c2", 6, 4, 3, 3)
            .weight("w", 3, 6)
            .node("Conv", "a", "image", "c1")
            .node("Relu", "map", "a")
            .node("Conv", "b", "map", "c2")
            .node("GlobalAveragePool", "pooled", "b")
            .node("Flatten", "vector", "pooled")
            .node("Gemm", "logits", Map.of("transB", 1), "vector", "w")
            .declare("map", -1, 4, -1, -1)
            .output("logits", -1, 3)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
  }

  private static String ofPictures(int height, int width) {
    String size = "image: /image\n  size: [%d, %d]".formatted(height, width);
    return GOOD.replace("numbers: /x", size) + "cut: -2\n";
  }

  @Test
  void whatATailOfLargeMapsIsNotTaughtByTravelsAsASketch() throws Exception {
    writeNetworkOfPictures();

    Task large = Bundles.load(directory, ofPictures(20, 18)).task();
    Task small = Bundles.load(directory, ofPictures(10, 12)).task();

    assertThat(large.featureSize()).isEqualTo(4 * 18 * 16);
    assertThat(large.summary(new float[large.featureSize()])).hasSize(1024);
    assertTravelsAsItsSummary(large, 1024);
    assertThat(small.summary(new float[small.featureSize()])).hasSize(4 * 8 * 10);
    assertTravelsAsItsSummary(small, small.featureSize());
  }

  private static void assertTravelsAsItsSummary(Task task, int size) {
    float[] drawn = task.unlabelledFeatures(new float[task.featureSize()]);

    assertThat(drawn).hasSize(size).hasSize(task.unlabelledSize());
    assertThat(task.summaryOfUnlabelled(drawn)).isSameAs(drawn);
  }

  private static void assertTravelsWhole(Task task, int size) {
    float[] whole = new float[size];

    assertThat(task.unlabelledFeatures(whole)).isSameAs(whole).hasSize(task.unlabelledSize());
    assertThat(task.summaryOfUnlabelled(whole)).hasSize(1024).isEqualTo(task.summary(whole));
  }

  @Test
  void whatALastLayerIsTaughtByTravelsWholeHoweverWide() throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(4, 2_000, 3));
    Files.writeString(directory.resolve("labels.json"), "[\"a\", \"b\", \"c\"]");

    assertTravelsWhole(Bundles.load(directory, GOOD).task(), 2_000);
  }

  @Test
  void aNewHeadOfOneLabelAndOneLayerIsTaughtByWhatTravels() throws Exception {
    Files.writeString(directory.resolve("tokenizer.json"), Tokenizers.WORDS);
    Bundles.coldStart(directory, 2_000);
    String manifest = Files.readString(directory.resolve("headwater.yaml"));

    for (String taught : List.of("head: none", "head: none\nsubclasses: 5")) {
      assertTravelsWhole(
          Bundles.load(directory, manifest.replace("head: none", taught)).task(), 2_000);
    }
    for (String not : List.of("head: none\nhidden: 4", "head: none\nkind: multi-label")) {
      assertTravelsAsItsSummary(
          Bundles.load(directory, manifest.replace("head: none", not)).task(), 1024);
    }
  }

  @Test
  void fixesTheSizeOfPicturesThatTheFileLeavesOpen() throws Exception {
    writeNetworkOfPictures();
    String manifest = ofPictures(10, 12);

    Task task = Bundles.load(directory, manifest).task();

    assertThat(task.split().features()).containsExactly("map");
    assertThat(task.featureShapes()).singleElement().isEqualTo(new long[] {4, 8, 10});
    assertThat(refusal(manifest.replace("\n  size: [10, 12]", "")))
        .contains("no fixed size per record")
        .contains("input.size");
  }

  @Test
  void aCutAmongTheTokensOfATextPadsEachToTheMost() throws Exception {
    Bundle bundle = Bundles.deepText(directory, 4, 3);

    assertThat(bundle.task().featureShapes())
        .as("at %s", bundle.features())
        .anySatisfy(shape -> assertThat(shape).containsExactly(5, 4));
    assertThat(bundle.decoder().sameLength()).isTrue();
    assertThat(
            bundle
                .decoder()
                .batch(
                    List.of(
                        bundle
                            .decoder()
                            .decode("{\"id\": \"1\", \"text\": \"my card\"}".getBytes(UTF_8)))))
        .allSatisfy(input -> assertThat(input.shape()).containsExactly(1, 5));
  }

  @Test
  void aCutThatOnlyPaddingCanMakeIsMade() throws Exception {
    Bundles.deepText(directory, 4, 3);
    byte[] asksTheIds =
        GraphFixture.opset(17)
            .integerInput("input_ids", -1, -1)
            .integerInput("attention_mask", -1, -1)
            .weight("embedding", 8, 4)
            .weight("layer", 4, 4)
            .weight("fc", 4, 3)
            .integers("one", DataType.INT64, new long[] {1}, 1)
            .integers("four", DataType.INT64, new long[] {1}, 4)
            .integers("rest", DataType.INT64, new long[] {1}, -1)
            .node("Gather", "vectors", "embedding", "input_ids")
            .node("Shape", "sizes", "input_ids")
            .node("Gather", "length", "sizes", "one")
            .node("Concat", "shape", Map.of("axis", 0), "rest", "length", "four")
            .node("MatMul", "seen", "vectors", "layer")
            .node("Reshape", "again", "seen", "shape")
            .node("ReduceMean", "mean", Map.of("axes", new long[] {1}, "keepdims", 0), "again")
            .node("Gemm", "logits", "mean", "fc")
            .output("logits", -1, 3)
            .bytes();
    Files.write(directory.resolve("model.onnx"), asksTheIds);

    Bundle bundle = Bundles.load(directory, Files.readString(directory.resolve("headwater.yaml")));

    assertThat(bundle.features()).containsExactly("vectors");
    assertThat(bundle.task().featureShapes().get(0)).containsExactly(5, 4);
  }

  @Test
  void aTaskThatNeedsNoPaddingIsSplitAsWithoutOneThatDoes() throws Exception {
    Bundles.deepText(directory, 4, 3);
    String manifest =
        """
        name: words
        model: model.onnx
        tasks: [%s]
        input: {id: /id, text: /text, tokenizer: tokenizer.json, max-tokens: 5}
        """;
    String last = "{name: last, head: none, cut: features}";
    String deep = "{name: deep, labels: labels.json, cut: -2}";

    assertOtherTasksAreNothingTo(last, deep, manifest);
  }

  /**
   * @param manifest with a place for the tasks
   */
  private void assertOtherTasksAreNothingTo(String task, String other, String manifest)
      throws Exception {
    Bundle alone = Bundles.load(directory, manifest.formatted(task));

    Bundle before = Bundles.load(directory, manifest.formatted(task + ", " + other));
    Bundle after = Bundles.load(directory, manifest.formatted(other + ", " + task));

    assertThat(before.tasks().get(0).fingerprint())
        .isEqualTo(alone.task().fingerprint())
        .isEqualTo(after.tasks().get(1).fingerprint());
    assertThat(before.tasks().get(1).fingerprint()).isEqualTo(after.tasks().get(0).fingerprint());
  }

  @Test
  void whatElseIsAveragedIsNothingToATaskOnTheAverageOfAMap() throws Exception {
    writeNetworkOfPictures();
    String manifest =
        """
        name: pictures
        model: model.onnx
        tasks: [%s]
        input: {image: /image, size: [10, 12]}
        """;
    String early = "{name: early, head: none, cut: map}";
    String late = "{name: late, head: none, cut: b}";

    assertOtherTasksAreNothingTo(late, early, manifest);
  }

  @Test
  void aNumberMakesDoWithTheDrawsOfAnotherTaskAtItsCut() throws Exception {
    Bundle bundle =
        Bundles.load(
            directory,
            """
            name: several
            model: model.onnx
            tasks:
              - {name: size, kind: regression, head: none}
              - {name: deep, kind: regression, head: none, cut: r}
              - {name: deeper, kind: regression, head: none, cut: r, scale: log}
              - {name: kind, head: none}
              - {name: tags, kind: multi-label, head: none}
              - {name: early, kind: multi-label, labels: labels.json, cut: -2}
            input: {numbers: /x}
            """);

    assertThat(bundle.tasks().stream().map(task -> bundle.unlabelledSource(task).name()))
        .containsExactly("kind", "deep", "deep", "kind", "tags", "early");
  }

  @Test
  void whatCannotBeOfSeveralTasksIsRefused() throws Exception {
    assertThat(
            refusal(
                """
                name: two
                model: model.onnx
                tasks: [{name: kind, labels: labels.json, label: /kind}]
                input: {format: tensor}
                """))
        .contains("input.format: text, image and tensor have no fields");
    Bundles.segments(directory, 2, 3, List.of("dark", "light"));
    assertThat(
            refusal(Files.readString(directory.resolve("headwater.yaml")) + "kind: multi-label\n"))
        .contains("kind: task pixels is dense and supports one label per pixel only");
  }

  @Test
  void maskValuesThatDoNotFitAreRefusedByKey() {
    assertThat(refusal(GOOD + "mask-values: [0, 1, 2]\n"))
        .contains("mask-values: task kind labels records, not pixels");
    assertThat(refusal(GOOD + "mask-values: [0, 0, 256]\n"))
        .contains("mask-values")
        .contains("must be distinct integers from 0 to 255");
  }

  @Test
  void bringsTheNetworksOwnHeadAsVersionZero() throws Exception {
    Bundle bundle = Bundles.load(directory, GOOD);

    Head head = bundle.task().head().orElseThrow();
    assertThat(head.info().version()).isZero();
    assertThat(head.info().task()).isEqualTo("kind");
    assertThat(head.info().labels()).containsExactly("a", "b", "c");
    assertThat(head.info().backbone()).isEqualTo(bundle.task().fingerprint()).hasSize(64);
    assertThat(head.tensors()).containsOnlyKeys("fc2.weight", "fc2.bias");
    assertThat(bundle.task().open()).as("unless told otherwise").isTrue();
  }

  @Test
  void takesTheNetworksInputAsItIs() throws Exception {
    Bundle json = Bundles.load(directory, GOOD);
    Bundle tensor = Bundles.load(directory, GOOD.replace("numbers: /x", "format: tensor"));

    Decoded record = tensor.decoder().decode(new byte[4 * Float.BYTES]);
    assertThat(tensor.decoder().batch(List.of(record)).get(0).shape()).containsExactly(1, 4);
    assertThat(tensor.task().fingerprint())
        .as("how a record becomes features is part of it")
        .isNotEqualTo(json.task().fingerprint());
    assertThat(refusal(GOOD.replace("numbers: /x", "{format: tensor, id: /id, numbers: /x}")))
        .contains("input.id: is not allowed with format: text, image or tensor")
        .contains("input.numbers: is not allowed with format: text, image or tensor");
    assertThat(refusal(GOOD.replace("numbers: /x", "format: tensors")))
        .contains("expected one of json, text, image, tensor");
  }

  @Test
  void exportsTheWholeNetworkWithAHeadInIt() throws Exception {
    Bundle bundle = Bundles.load(directory, GOOD);

    Path file = directory.resolve("made/adapted.onnx");

    Path labels = bundle.task().export(bundle.task().head().orElseThrow(), file);

    OnnxFile exported = OnnxFile.read(file);
    assertThat(Json.MAPPER.readTree(labels.toFile()))
        .map(JsonNode::asText)
        .containsExactly("a", "b", "c");
    assertThat(exported.inputs()).isEqualTo(OnnxFile.parse(GraphFixture.mlp(4, 16, 3)).inputs());
    assertThat(exported.split("auto").parameters()).isEqualTo(bundle.task().split().parameters());
  }

  @Test
  void hasNoHeadInAColdStart() throws Exception {
    Bundle bundle = Bundles.coldStart(directory, 8);

    assertThat(bundle.task().head()).isEmpty();
    assertThat(bundle.task().labels()).isEmpty();
    assertThat(bundle.task().split().dim()).as("of the pooled hidden states").isEqualTo(8);
    assertThat(bundle.task().split().linear()).isPresent();
  }

  @Test
  void listsEveryProblemWithItsKey() {
    String message =
        refusal(
            """
            name: small
            task: [kind]
            model: modell.onnx
            labels: label.json
            tusk: kind
            open: perhaps
            input:
              numbers: x
              maxtokens: 5
            """);

    assertThat(message.lines())
        .hasSize(8)
        .anySatisfy(line -> assertThat(line).contains("task: must be non-blank text"))
        .anySatisfy(line -> assertThat(line).contains("model: file not found").contains("modell"))
        .anySatisfy(line -> assertThat(line).contains("labels: file not found"))
        .anySatisfy(line -> assertThat(line).contains("tusk: unknown key; valid keys: cut, "))
        .anySatisfy(line -> assertThat(line).contains("open: must be true or false"))
        .anySatisfy(line -> assertThat(line).contains("input.numbers: invalid JSON pointer 'x'"))
        .anySatisfy(line -> assertThat(line).contains("input.maxtokens: unknown key"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          labels: labels.json | head: none                                    | labels: is not allowed with head: none
          labels: labels.json | labels: other.json                            | line 5 is not valid YAML
          labels: labels.json | labels: two.json                              | labels: 2 labels for a head with 3
          labels: labels.json | labels: twice.json                            | contains a duplicate label
          labels: labels.json | labels: object.json                           | labels:
          labels: labels.json | labels: nulls.json                            | labels:
          labels: labels.json | x: 1                                          | x: unknown key; valid keys: cut, head
          model: model.onnx   | model: labels.json                            | model:
          model: model.onnx   | model: one.onnx                               | the head has one output
          task: kind          | cut: nowhere                                  | cut:
          numbers: /x         | numbers: [/a, /b]                             | input.numbers: 2 pointers, the model expects 4
          numbers: /x         | numbers: [/a, /b, /c, /a]                     | input./a: is configured twice
          numbers: /x         | numbers: [/a, /b, /c, /a/d]                   | input./a/d: is inside /a
          numbers: /x         | numbers: []                                   | input.numbers: must not be empty
          numbers: /x         | {numbers: /x, format: xml}                    | input.format: invalid value 'xml', expected one of json, text
          numbers: /x         | {numbers: /x, format: text}                   | input.numbers: is not allowed with format: text
          numbers: /x         | {numbers: /x, tokenizer: tokenizer.json}      | input.tokenizer: unknown key; valid keys: format
          numbers: /x         | {text: /t, tokenizer: tokenizer.json}         | found features FLOAT[?, 4]
          numbers: /x         | {text: /t}                                    | input.tokenizer: is missing
          numbers: /x         | {tokenizer: tokenizer.json}                   | input.text: is missing
          numbers: /x         | {text: /t, tokenizer: labels.json}            | input.tokenizer:
          numbers: /x         | {text: /t, tokenizer: tokenizer.json, pooling: mean}   | input.pooling: requires an encoder without a head
          numbers: /x         | {text: /t, tokenizer: tokenizer.json, normalize: true} | input.normalize: requires pooling
          numbers: /x         | {text: /t, tokenizer: tokenizer.json, max-tokens: 0}   | input.max-tokens: must be an integer
          numbers: /x         | {image: /p}                                   | input.image: the model must have one float32 input [N, channels
          numbers: /x         | {image: /p, size: [28]}                       | input.size: must be [height, width]
          numbers: /x         | {image: /p, size: [28.5, 28]}                 | input.size: must be [height, width]
          numbers: /x         | {image: /p, size: [40000, 40000]}             | input.size: must be [height, width]
          numbers: /x         | {image: /p, std: 0}                           | input.std: must be above 0
          numbers: /x         | {image: /p, mean: [a]}                        | input.mean: must be a number
          numbers: /x         | {image: /p, text: /t}                         | input.image: cannot be combined with text
          numbers: /x         | {image: /p, format: image}                    | input.image: is not allowed with format
          """)
  void refuses(String replaced, String by, String problem) throws Exception {
    Files.writeString(directory.resolve("two.json"), "[\"a\", \"b\"]");
    Files.writeString(directory.resolve("twice.json"), "[\"a\", \"b\", \"a\"]");
    Files.writeString(directory.resolve("object.json"), "{\"a\": 0}");
    Files.writeString(directory.resolve("nulls.json"), "[\"a\", null, \"c\"]");
    Files.write(directory.resolve("one.onnx"), GraphFixture.mlp(4, 16, 1));
    String manifest =
        by.startsWith("{") || by.startsWith("head:") || by.startsWith("x:") || by.startsWith("cut:")
            ? GOOD.replace("input:\n  " + replaced + "\n", "input: " + by + "\n")
            : GOOD.replace(replaced, by);
    if (manifest.equals(GOOD)) {
      manifest = by + "\n" + GOOD;
    }
    if (by.equals("labels: other.json")) {
      manifest = GOOD.replace(replaced, replaced + "\n" + by);
    }

    assertThat(refusal(manifest)).contains("\n  - ").contains(problem.strip());
  }

  @Test
  void asksWhichOutputHoldsTheFeaturesOfAnEncoder() throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.encoder(17, 10, 4));

    String message =
        refusal(
            """
            name: e
            task: t
            model: model.onnx
            head: none
            input: {format: text, tokenizer: tokenizer.json}
            """);

    assertThat(message).contains("last_hidden_state").contains("pooling: mean");
  }

  @ParameterizedTest
  @ValueSource(strings = {"mean", "first"})
  void poolsWhatAnEncoderOfPicturesSaysOfTheirParts(String pooling) throws Exception {
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, 4, 4)
            .weight("patch.weight", 5, 1, 2, 2)
            .integers("parts", DataType.INT64, new long[] {3}, 0, 5, -1)
            .node("Conv", "patches", Map.of("strides", new long[] {2, 2}), "image", "patch.weight")
            .node("Reshape", "columns", "patches", "parts")
            .node("Transpose", "last_hidden_state", Map.of("perm", new long[] {0, 2, 1}), "columns")
            .output("last_hidden_state", -1, 4, 5)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    String manifest =
        """
        name: e
        model: model.onnx
        tasks:
          - {name: kind, head: none, hidden: [4]}
          - {name: size, head: none, kind: regression}
        input: {image: /image, pooling: %s}
        """
            .formatted(pooling);

    Bundle bundle = Bundles.load(directory, manifest);

    assertThat(bundle.features()).containsExactly("sentence_embedding");
    assertThat(bundle.tasks()).extracting(Task::featureSize).containsExactly(5, 5);
    assertThat(Bundles.load(directory, manifest.replace(pooling, "first, normalize: true")))
        .extracting(other -> other.task().fingerprint())
        .isNotEqualTo(bundle.task().fingerprint());
    assertThat(refusal(manifest.replace("kind: regression", "kind: regression, cut: columns")))
        .contains("tasks.size.cut: input.pooling pools one tensor for all tasks");
  }

  @Test
  void fingerprintsWhatShapesTheFeaturesAndNothingElse() throws Exception {
    String first = Bundles.load(directory, GOOD).task().fingerprint();

    String renamed =
        Bundles.load(directory, GOOD.replace("small", "other").replace("kind", "sort"))
            .task()
            .fingerprint();
    String withId =
        Bundles.load(directory, GOOD.replace("input:", "input:\n  id: /id")).task().fingerprint();
    assertThat(renamed).isEqualTo(first);
    assertThat(withId).isEqualTo(first);

    String elsewhere = Bundles.load(directory, GOOD.replace("/x", "/y")).task().fingerprint();
    String deeper = Bundles.load(directory, GOOD + "cut: -2\n").task().fingerprint();
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(4, 17, 3));
    String other = Bundles.load(directory, GOOD).task().fingerprint();
    assertThat(Set.of(first, elsewhere, deeper, other)).hasSize(4);
  }

  @Test
  void readsSeveralTasksOverOnePassOfTheBackbone() throws Exception {
    Bundle bundle = Bundles.twoTasks(directory, 4, 3);

    assertThat(bundle.tasks()).extracting(Task::name).containsExactly("kind", "size");
    Task size = bundle.tasks().get(1);
    assertThat(size.labels()).isEmpty();
    assertThat(size.head()).as("a cold start").isEmpty();
    assertThat(bundle.features()).as("cut where the first task is").hasSize(1);
    assertThat(size.split().features()).isEqualTo(bundle.task().split().features());
    Decoded record =
        bundle.decoder().decode("{\"id\":\"a\",\"x\":[1,2,3,4],\"size\":\"big\"}".getBytes());
    assertThat(record.labels()).containsExactly(null, "big");
  }

  @Test
  void putsAHeadOfStatedWidthsOnTheBackbone() throws Exception {
    Files.writeString(directory.resolve("tokenizer.json"), Tokenizers.WORDS);
    Bundles.coldStart(directory, 8);
    String manifest =
        Files.readString(directory.resolve("headwater.yaml"))
            .replace("head: none", "head: none\nhidden: [5, 3]");

    Task task = Bundles.load(directory, manifest).task();

    assertThat(task.split().parameterNames()).hasSize(6);
    assertThat(task.split().linear()).isEmpty();
    assertThat(task.featureSize()).isEqualTo(8);
    assertThat(refusal(manifest.replace("[5, 3]", "[5, 0]")))
        .contains("hidden: a new head must have at most 8 hidden layers");
    assertThat(refusal(GOOD.replace("labels:", "hidden: 4\nlabels:")))
        .contains("hidden: requires a new head");
  }

  @Test
  void givesALabelOfANewHeadSeveralRowsOfWeights() throws Exception {
    Bundles.coldStart(directory, 8);
    String manifest =
        Files.readString(directory.resolve("headwater.yaml"))
            .replace("head: none", "head: none\nsubclasses: 5");

    Task task = Bundles.load(directory, manifest).task();

    assertThat(task.subclasses()).isEqualTo(5);
    assertThat(task.split().shape("head.weight", 3)).containsExactly(5, 8, 3);
    assertThat(refusal(manifest.replace("subclasses: 5", "subclasses: 257")))
        .contains("subclasses: a new head must have 1 to 256");
    assertThat(refusal(manifest.replace("subclasses: 5", "subclasses: 5\nhidden: 4")))
        .contains("subclasses: a head with subclasses must have no hidden layers");
    assertThat(refusal(manifest.replace("subclasses: 5", "subclasses: 5\nkind: multi-label")))
        .contains("subclasses: requires head: none and kind: classification");
    assertThat(refusal(GOOD.replace("labels:", "subclasses: 4\nlabels:")))
        .contains("subclasses: requires head: none and kind: classification");
  }

  @Test
  void namesTheTaskThatIsWrong() {
    String two =
        """
        name: small
        model: model.onnx
        tasks:
          - {name: kind, labels: labels.json}
          - {name: kind, head: none, cut: nowhere, labels: labels.json}
        task: kind
        input: {numbers: /x}
        """;
    assertThat(refusal(two))
        .contains("tasks: task names must be unique")
        .contains("tasks[1].labels: is not allowed with head: none")
        .contains("tasks.kind.cut: ")
        .contains("task: unknown key");
  }

  @Test
  void fingerprintsTheTokenizer() throws Exception {
    String first = Bundles.coldStart(directory, 8).task().fingerprint();
    Files.writeString(
        directory.resolve("tokenizer.json"), Tokenizers.WORDS.replace("\"lost\"", "\"found\""));

    String second =
        Bundle.load(directory.resolve("headwater.yaml"), directory).task().fingerprint();

    assertThat(second).isNotEqualTo(first);
  }

  @Test
  void fingerprintsHowPicturesAreMade() throws Exception {
    Bundle bundle = Bundles.pictures(directory, 2, 3);
    Path manifest = directory.resolve("headwater.yaml");
    String whole =
        Files.readString(manifest)
            .replace("{id: /id, label: /label, image: /image}", "{format: image}");

    assertThat(Bundles.load(directory, whole).task().fingerprint())
        .isNotEqualTo(bundle.task().fingerprint());
    assertThat(
            Bundles.load(directory, whole.replace("image}", "image, mean: .5}"))
                .task()
                .fingerprint())
        .isNotEqualTo(Bundles.load(directory, whole).task().fingerprint());
  }

  @Test
  void readsTheRealBundles() throws Exception {
    assertThat(Bundles.clinc(directory).task().split().dim()).isEqualTo(384);
    assertThat(Bundles.gas(directory).task().labels()).hasSize(6);
    assertThatCode(
            () ->
                Bundles.clinc(directory)
                    .decoder()
                    .decode("{\"id\":\"a\",\"text\":\"hi\"}".getBytes()))
        .doesNotThrowAnyException();
  }

  @Test
  void refusesTwoTasksThatWouldTrainOneTail() {
    String tails =
        """
        name: two
        model: model.onnx
        tasks:
          - {name: kind, labels: labels.json, cut: -2}
          - {name: mood, labels: labels.json, cut: %s}
        input: {numbers: /x}
        """;

    assertThat(refusal(tails.formatted("-2")))
        .contains("tasks.mood.cut: the tail shares layers with the tail of task kind")
        .contains("cut after the shared layers, or set head: none");
  }
}

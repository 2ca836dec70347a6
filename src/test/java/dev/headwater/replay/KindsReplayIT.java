package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.gate.Metric;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.scoring.Measure;
import dev.headwater.stream.selection.Selection;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tasks of every kind over one backbone pass, through the whole pipeline. */
class KindsReplayIT {
  private static final int RECORDS = 1200;

  /** It wants more samples than there are records. */
  private static final GateSettings NEVER =
      new GateSettings(.15, .005, .1, 20, 1_000_000, Metric.ACCURACY, Map.of(), Map.of());

  @TempDir Path directory;

  private Bundle bundle() throws Exception {
    Path at = Files.createDirectories(directory.resolve("bundle"));
    Files.write(at.resolve("model.onnx"), GraphFixture.mlp(4, 32, 2));
    Files.writeString(at.resolve("labels.json"), "[\"a\", \"b\"]");
    return Bundles.load(
        at,
        """
        name: kinds
        model: model.onnx
        tasks:
          - {name: kind, labels: labels.json, cut: -2}
          - {name: size, kind: regression, head: none, cut: r, scale: log}
          - {name: tags, kind: multi-label, head: none, cut: r}
        input: {id: /id, numbers: /x}
        """);
  }

  private Path stream() throws Exception {
    Random random = new Random(7);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < RECORDS; i++) {
      double[] x = random.doubles(4, -2, 2).toArray();
      List<String> tags = new ArrayList<>();
      if (x[0] > 0) {
        tags.add("right");
      }
      if (x[1] > 0) {
        tags.add("up");
      }
      lines.add(
          Json.MAPPER.writeValueAsString(
              Map.of(
                  "id",
                  "k" + i,
                  "x",
                  x,
                  "kind",
                  x[2] > 0 ? "a" : "b",
                  "size",
                  Math.exp(3 + x[0] - x[3] + .1 * random.nextGaussian()),
                  "tags",
                  tags)));
    }
    return Files.write(directory.resolve("stream.jsonl"), lines);
  }

  /** Of tasks that are cut at different places. */
  @Test
  void tellsALabelANumberAndASetOfLabelsOfEveryRecord() throws Exception {
    Path dump = directory.resolve("dump");
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(stream()),
            List.of("kind"),
            Map.of(),
            Optional.empty(),
            150,
            Duration.ZERO,
            true,
            Optional.empty(),
            Optional.of(directory.resolve("report.json")),
            Optional.of(dump),
            Duration.ofMinutes(1));
    Selection search = new Selection(.3, .9, Measure.MAX_PROBABILITY, .05, Optional.empty());
    Pipeline pipeline = Replays.pipeline(bundle(), directory, search, Optional.empty());

    ReplayReport report =
        new Replay(settings, pipeline, Replays.display(new ByteArrayOutputStream()))
            .run(new CountDownLatch(1));

    assertThat(report.predictions()).isEqualTo(RECORDS);
    assertThat(report.deadLetters()).isZero();
    ReplayReport.Task size = report.tasks().get("size");
    assertThat(size.versions()).anyMatch(v -> v.verdict().equals("accepted"));
    assertThat(size.rmse().adaptive().segments().get(9))
        .as("of logarithms whose standard deviation is 1.6")
        .isLessThan(.5);
    assertThat(size.coverage().adaptive().overall()).as("made for .9").isBetween(.8, .98);
    assertThat(size.accuracy().adaptive().overall()).as("a number is not right or wrong").isNull();
    ReplayReport.Task tags = report.tasks().get("tags");
    assertThat(tags.accuracy().adaptive().segments().get(9)).isGreaterThan(.75);
    assertThat(Path.of(size.finalHead())).exists();
    Set<String> drawn = new TreeSet<>();
    for (String line : Files.readAllLines(dump.resolve("samples.jsonl"))) {
      JsonNode sample = Json.MAPPER.readTree(line);
      if (sample.get("reason").textValue().equals("UNLABELLED")) {
        drawn.add(sample.get("task").textValue());
      }
    }
    assertThat(drawn).as("of a number what the next task draws").containsExactly("kind", "tags");
    JsonNode last = null;
    for (String line : Files.readAllLines(dump.resolve("predictions.jsonl"))) {
      JsonNode prediction = Json.MAPPER.readTree(line);
      assertThat(prediction.get("task").textValue()).isEqualTo("kind");
      assertThat(prediction.has("estimate")).isFalse();
      JsonNode others = prediction.get("otherTasks");
      assertThat(others.findValuesAsText("task")).containsExactly("size", "tags");
      others.forEach(said -> assertThat(said.has("label")).isFalse());
      last = others.get(0);
    }
    JsonNode estimate = last.get("estimate");
    assertThat(estimate.get("value").doubleValue())
        .isBetween(estimate.get("lower").doubleValue(), estimate.get("upper").doubleValue());
    assertThat(last.get("confidence").doubleValue()).isBetween(.3, 1.0);
    assertThat(Label.text(Json.MAPPER.readTree("[\"up\",\"right\"]")))
        .isEqualTo("[\"right\",\"up\"]");
  }

  /** Of each request its domain, and whether it is put as a question. */
  private Path tagged(Path clinc) throws Exception {
    JsonNode domains =
        Json.MAPPER.readTree(Path.of("deploy/examples/bundles/clinc-domains.json").toFile());
    List<String> lines = new ArrayList<>();
    for (String line : Files.readAllLines(clinc.resolve("stream.jsonl")).subList(0, 1500)) {
      ObjectNode record = (ObjectNode) Json.MAPPER.readTree(line);
      ArrayNode tags = record.putArray("tags");
      tags.add(domains.get(record.get("label").textValue()));
      if (record.get("text").textValue().matches("(what|how|where|when|why|who|is|are|do|can).*")) {
        tags.add("question");
      }
      lines.add(record.toString());
    }
    return Files.write(directory.resolve("stream.jsonl"), lines);
  }

  @Test
  void learnsSetsOfLabelsOnARealEncoder() throws Exception {
    Path clinc = Bundles.data("clinc");
    Path manifest =
        Files.writeString(
            directory.resolve("clinc.yaml"),
            """
            name: clinc
            model: model.onnx
            tasks:
              - {name: intent, labels: labels.json}
              - {name: tags, kind: multi-label, head: none}
            input: {id: /id, text: /text, tokenizer: tokenizer.json, max-tokens: 64}
            """);
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(tagged(clinc)),
            List.of("label"),
            Map.of(),
            Optional.empty(),
            100,
            Duration.ZERO,
            true,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Duration.ofMinutes(1));
    Pipeline pipeline =
        gated(
            Replays.pipeline(
                Bundle.load(manifest, clinc), directory, new Selection(.3, .9), Optional.empty()),
            new Gates(GateSettings.DEFAULT, Map.of("intent", NEVER)));

    ReplayReport report =
        new Replay(settings, pipeline, Replays.display(new ByteArrayOutputStream()))
            .run(new CountDownLatch(1));

    assertThat(report.deadLetters()).isZero();
    ReplayReport.Task tags = report.tasks().get("tags");
    assertThat(tags.versions()).anyMatch(v -> v.verdict().equals("accepted"));
    assertThat(tags.accuracy().adaptive().segments().get(9))
        .as("both the domain of ten and the form of the sentence, as far as the pace allows")
        .isGreaterThan(.4)
        .as("what it has learnt since its first head")
        .isGreaterThan(tags.accuracy().frozen().segments().get(9));
    assertThat(report.tasks().get("intent").versions())
        .as("by a gate of its own")
        .noneMatch(v -> v.verdict().equals("accepted"));
  }

  private static Pipeline gated(Pipeline of, Gates gates) {
    return new Pipeline(
        of.bundle(),
        of.topics(),
        of.stream(),
        of.scoring(),
        of.adapt(),
        gates,
        of.history(),
        of.kafka());
  }
}

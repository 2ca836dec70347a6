package dev.headwater.adapt.drift;

import ai.onnxruntime.OrtException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Json;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Scores;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A recorded stream as a drift monitor sees it under the exported head: per record the features,
 * the confidence, and how wrong the prediction was, in [0, 1]. Computed once, then read from {@code
 * target/}.
 */
record RecordedStream(List<Row> rows) {
  private static final Path CACHE = Path.of("target/drift");

  @SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
  record Row(float[] features, double confidence, double error) {}

  /** Skips the test where the data is not at hand. */
  static RecordedStream of(String name) throws Exception {
    Path data = Bundles.data(name);
    Path cache = CACHE.resolve(name);
    if (!Files.exists(cache)) {
      Files.createDirectories(CACHE);
      List<JsonNode> records = new ArrayList<>();
      for (String line : Files.readAllLines(data.resolve("stream.jsonl"))) {
        records.add(Json.MAPPER.readTree(line));
      }
      new RecordedStream(name.equals("nuclei") ? masks(data, records) : labels(name, data, records))
          .write(cache);
    }
    return read(cache);
  }

  private static List<Row> masks(Path data, List<JsonNode> records)
      throws IOException, OrtException {
    try (SegmentedImages images = new SegmentedImages(data.resolve("model.onnx"))) {
      List<Row> rows = new ArrayList<>();
      for (JsonNode record : records) {
        rows.add(images.row(record));
      }
      return rows;
    }
  }

  private static List<Row> labels(String name, Path data, List<JsonNode> records) throws Exception {
    String input =
        switch (name) {
          case "clinc" -> "text: /text, tokenizer: tokenizer.json";
          case "gas" -> "numbers: /features";
          default -> "image: /image";
        };
    Path manifest =
        Files.writeString(
            CACHE.resolve(name + ".yaml"),
            """
            {name: %s, task: task, model: model.onnx, labels: labels.json, input: {id: /id, %s}}
            """
                .formatted(name, input));
    ScoringSettings settings = new ScoringSettings(2, 1, 32, false);
    try (Scoring scoring =
        Scoring.load(Bundle.load(manifest, data), settings, ScorerMetrics.NOOP)) {
      List<Row> rows = new ArrayList<>();
      for (JsonNode record : records) {
        byte[] value = record.toString().getBytes(StandardCharsets.UTF_8);
        Inference inference = scoring.infer(value);
        Scores scores = scoring.score(inference, 0);
        boolean right = scores.best().label().equals(record.get("label").asText());
        rows.add(new Row(inference.features(0), scores.best().confidence(), right ? 0 : 1));
      }
      return rows;
    }
  }

  private void write(Path file) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(partial)))) {
      out.writeInt(rows.size());
      out.writeInt(rows.get(0).features().length);
      for (Row row : rows) {
        for (float feature : row.features()) {
          out.writeFloat(feature);
        }
        out.writeDouble(row.confidence());
        out.writeDouble(row.error());
      }
    }
    Files.move(partial, file);
  }

  private static RecordedStream read(Path file) throws IOException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
      int records = in.readInt();
      int dim = in.readInt();
      List<Row> rows = new ArrayList<>(records);
      for (int i = 0; i < records; i++) {
        float[] features = new float[dim];
        for (int d = 0; d < dim; d++) {
          features[d] = in.readFloat();
        }
        rows.add(new Row(features, in.readDouble(), in.readDouble()));
      }
      return new RecordedStream(rows);
    }
  }
}

package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/**
 * A head that was trained on the past of a real stream and adapted to what follows, as one ordinary
 * ONNX file in ONNX Runtime alone, one record at a time, against the labels that the stream gave.
 * The file is then a bundle's model itself, and once more compared with the stream it scores.
 */
@EnabledIfEnvironmentVariable(named = "HEADWATER_DATA", matches = ".+")
class ExportedHeadIT {
  @TempDir Path directory;

  private interface Encoder {
    Map<String, OnnxTensor> encode(JsonNode record) throws OrtException;
  }

  @Test
  void givesEveryLabelOfTheStreamOnGas() throws Exception {
    Adapted adapted = adapt("gas", 300, 1200, 200);

    try (Network network = new Network(adapted, ExportedHeadIT::readings)) {
      assertThat(network.agreement(adapted.predictions())).isEqualTo(1);
    }
  }

  /**
   * Its graph is int8: what a record gives depends a little on those beside it in the batch, and
   * where two labels are near that decides: of four to ten records in a thousand. So .99 must not
   * be refuted, by three standard errors.
   */
  @Test
  void givesNearlyEveryLabelOfTheStreamOnClinc() throws Exception {
    Adapted adapted = adapt("clinc", 6000, 1200, 100);

    try (HuggingFaceTokenizer tokenizer =
            HuggingFaceTokenizer.builder()
                .optTokenizerPath(data("clinc").resolve("tokenizer.json"))
                .optTruncation(true)
                .optMaxLength(64)
                .optPadding(false)
                .build();
        Network network = new Network(adapted, record -> tokens(tokenizer, record))) {
      int compared = adapted.predictions().size();
      assertThat(network.agreement(adapted.predictions()))
          .as("of %d", compared)
          .isGreaterThanOrEqualTo(.99 - 3 * Math.sqrt(.99 * .01 / compared));
    }
  }

  /**
   * @param predictions of the head that was exported: those it made live, however many were left of
   *     the stream then, and those of every record by a bundle made of the export
   */
  private record Adapted(
      Path model, List<String> labels, Map<String, JsonNode> records, List<JsonNode> predictions) {}

  private final class Network implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;
    private final Adapted adapted;
    private final Encoder encoder;

    Network(Adapted adapted, Encoder encoder) throws OrtException {
      this.session = environment.createSession(adapted.model().toString());
      this.adapted = adapted;
      this.encoder = encoder;
    }

    double agreement(List<JsonNode> predictions) throws OrtException {
      int same = 0;
      for (JsonNode prediction : predictions) {
        JsonNode record = adapted.records().get(prediction.path("recordId").asText());
        same += label(record).equals(prediction.path("label").asText()) ? 1 : 0;
      }
      return (double) same / predictions.size();
    }

    private String label(JsonNode record) throws OrtException {
      Map<String, OnnxTensor> inputs = new HashMap<>(encoder.encode(record));
      inputs.keySet().retainAll(session.getInputNames());
      try (OrtSession.Result result = session.run(inputs)) {
        float[] logits = ((float[][]) result.get(0).getValue())[0];
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
          best = logits[i] > logits[best] ? i : best;
        }
        return adapted.labels().get(best);
      } finally {
        inputs.values().forEach(OnnxTensor::close);
      }
    }

    @Override
    public void close() throws OrtException {
      session.close();
    }
  }

  private Adapted adapt(String name, int past, int count, int rate) throws IOException {
    List<String> lines = Files.readAllLines(data(name).resolve("stream.jsonl"));
    Path history = Files.write(directory.resolve("past.jsonl"), lines.subList(0, past));
    Path stream = Files.write(directory.resolve("part.jsonl"), lines.subList(past, past + count));
    Path learning = config(name, data(name), "history: " + history);
    JsonNode report = replay("learned", learning, stream, rate);
    long last = 1;
    for (JsonNode version : report.path("versions")) {
      boolean accepted = version.path("verdict").asText().equals("accepted");
      last = accepted ? version.path("version").asLong() : last;
    }

    Path model = Path.of(report.path("finalHead").asText());
    Path labels = Path.of(model + ".labels.json");
    Path bundle = Files.createDirectory(directory.resolve("bundle"));
    Files.copy(model, bundle.resolve("model.onnx"));
    Files.copy(labels, bundle.resolve("labels.json"));
    if (Files.exists(data(name).resolve("tokenizer.json"))) {
      Files.copy(data(name).resolve("tokenizer.json"), bundle.resolve("tokenizer.json"));
    }
    Path serving = config(name, bundle, "adapt: false");
    assertThat(replay("reserved", serving, stream, rate).path("predictions").asInt())
        .isEqualTo(count);

    Map<String, JsonNode> records = new HashMap<>();
    for (JsonNode record : nodes(stream)) {
      records.put(record.path("id").asText(), record);
    }
    List<JsonNode> predictions = new ArrayList<>(predictions("reserved"));
    for (JsonNode prediction : predictions("learned")) {
      if (prediction.path("headVersion").asLong() == last) {
        predictions.add(prediction);
      }
    }
    return new Adapted(
        model,
        List.of(Json.MAPPER.readValue(labels.toFile(), String[].class)),
        records,
        predictions);
  }

  private Path config(String name, Path bundle, String replay) throws IOException {
    return Files.writeString(
        directory.resolve("config.yaml"),
        """
        name: exported
        bundle: {directory: %s, manifest: %s}
        kafka: {bootstrap.servers: "unused:1"}
        replay: {truth-fields: "label, ppm, batch", %s}
        """
            .formatted(
                bundle,
                Path.of("deploy/examples/bundles", name + ".yaml").toAbsolutePath(),
                replay));
  }

  private JsonNode replay(String name, Path config, Path stream, int rate) throws IOException {
    Path report = directory.resolve(name + ".json");
    List<String> words =
        List.of(
            "replay",
            "--config=" + config,
            "--stream=" + stream,
            "--rate=" + rate,
            "--report=" + report,
            "--dump=" + directory.resolve(name));
    StringWriter err = new StringWriter();
    int status =
        Main.commandLine()
            .setOut(new PrintWriter(new StringWriter(), true))
            .setErr(new PrintWriter(err, true))
            .execute(words.toArray(String[]::new));
    assertThat(status).as(err.toString()).isZero();
    return Json.MAPPER.readTree(report.toFile());
  }

  private List<JsonNode> predictions(String name) throws IOException {
    return nodes(directory.resolve(name).resolve("predictions.jsonl"));
  }

  private static List<JsonNode> nodes(Path file) throws IOException {
    List<JsonNode> nodes = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      nodes.add(Json.MAPPER.readTree(line));
    }
    return nodes;
  }

  private static Path data(String name) {
    return Path.of(System.getenv("HEADWATER_DATA"), name);
  }

  private static Map<String, OnnxTensor> readings(JsonNode record) throws OrtException {
    float[][] readings = {Json.MAPPER.convertValue(record.path("features"), float[].class)};
    return Map.of("features", tensor(readings));
  }

  private static Map<String, OnnxTensor> tokens(HuggingFaceTokenizer tokenizer, JsonNode record)
      throws OrtException {
    Encoding encoding = tokenizer.encode(record.path("text").asText());
    return Map.of(
        "input_ids", tensor(new long[][] {encoding.getIds()}),
        "attention_mask", tensor(new long[][] {encoding.getAttentionMask()}),
        "token_type_ids", tensor(new long[][] {encoding.getTypeIds()}));
  }

  private static OnnxTensor tensor(Object rows) throws OrtException {
    return OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), rows);
  }
}

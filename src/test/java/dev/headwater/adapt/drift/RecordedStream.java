package dev.headwater.adapt.drift;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.adapt.StreamFeatures;
import dev.headwater.adapt.WatchedMask;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Json;
import dev.headwater.schema.Scored;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A recorded stream as a drift monitor sees it under the exported head: per record the features,
 * the confidence, and how wrong the prediction was, in [0, 1]. Computed once.
 */
record RecordedStream(List<Row> rows) {
  private static final Map<String, RecordedStream> KNOWN = new HashMap<>();

  @SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
  record Row(float[] features, double confidence, double error) {}

  /**
   * Skips the test where the data is not at hand.
   *
   * @param name {@code fashion-maps} is {@code fashion} at its example's cut, else a last layer's
   *     features are seen
   */
  static synchronized RecordedStream of(String name) throws Exception {
    RecordedStream known = KNOWN.get(name);
    if (known == null) {
      known =
          new RecordedStream(
              switch (name) {
                case "nuclei" -> masks(Bundles.data(name));
                case "fashion-maps" -> maps(Bundles.data("fashion"));
                default -> labels(Bundles.data(name));
              });
      KNOWN.put(name, known);
    }
    return known;
  }

  private static List<Row> maps(Path data) throws Exception {
    Bundle bundle = Bundle.load(Path.of("deploy/examples/bundles/fashion.yaml"), data);
    List<Row> rows = new ArrayList<>();
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 32, false), ScorerMetrics.NOOP)) {
      for (String line : Files.readAllLines(data.resolve("stream.jsonl"))) {
        Inference inference = scoring.infer(line.getBytes(UTF_8));
        Scored said = scoring.score(inference, 0).top(1).get(0);
        boolean right = said.label().equals(Json.MAPPER.readTree(line).get("label").asText());
        float[] seen = bundle.task().summary(inference.features(0));
        rows.add(new Row(seen, said.confidence(), right ? 0 : 1));
      }
    }
    return rows;
  }

  private static List<Row> masks(Path data) throws Exception {
    Bundle bundle = Bundle.load(Path.of("deploy/examples/bundles/nuclei.yaml"), data);
    return WatchedMask.all(bundle, data.resolve("stream.jsonl")).stream()
        .map(mask -> new Row(mask.features(), mask.confidence(), mask.error()))
        .toList();
  }

  private static List<Row> labels(Path data) throws Exception {
    StreamFeatures stream = StreamFeatures.of(data);
    LinearHead head = stream.head();
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < stream.truth().size(); i++) {
      float[] features = stream.features().get(i);
      int best = head.best(features);
      boolean right = stream.headLabels().get(best).equals(stream.truth().get(i));
      rows.add(new Row(features, confidence(head.logits(features), best), right ? 0 : 1));
    }
    return rows;
  }

  /** The greatest probability: softmax. */
  private static double confidence(float[] logits, int best) {
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - logits[best]);
    }
    return 1 / sum;
  }
}

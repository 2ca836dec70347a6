package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Json;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The frozen heads on the real streams, against what data/README.md says of them. */
class RealStreamsTest {
  @TempDir Path directory;

  private static List<byte[]> stream(String name, int records) throws Exception {
    try (Stream<String> lines = Files.lines(Bundles.data(name).resolve("stream.jsonl"))) {
      return lines.limit(records).map(l -> l.getBytes(StandardCharsets.UTF_8)).toList();
    }
  }

  private static Scoring load(Bundle bundle, int batchSize) {
    return Scoring.load(bundle, new ScoringSettings(2, 1, batchSize, false), ScorerMetrics.NOOP);
  }

  private static double accuracy(Scoring scoring, List<Inference> inferences) {
    long right =
        inferences.stream()
            .filter(i -> scoring.score(i, 0).best().label().equals(i.label(0)))
            .count();
    return (double) right / inferences.size();
  }

  private static List<Inference> infer(Scoring scoring, List<byte[]> values) {
    return scoring.submit(values).stream().map(CompletableFuture::join).toList();
  }

  @Test
  void scoresGasAsItsAuthorsDid() throws Exception {
    try (Scoring scoring = load(Bundles.gas(directory), 64)) {
      List<byte[]> values = stream("gas", Integer.MAX_VALUE);

      List<Inference> inferences = infer(scoring, values);

      assertThat(inferences).hasSize(4773);
      assertThat(accuracy(scoring, inferences)).isCloseTo(.773, within(.0006));
      for (int i = 0; i < values.size(); i += 97) {
        assertThat(scoring.score(inferences.get(i), 0).probabilities())
            .as("a float model does not see its batch")
            .containsExactly(
                scoring.score(scoring.infer(values.get(i)), 0).probabilities(), within(1e-6f));
      }
    }
  }

  @Test
  void scoresClincAsItsAuthorsDid() throws Exception {
    try (Scoring scoring = load(Bundles.clinc(directory), 32)) {
      List<Inference> inferences = infer(scoring, stream("clinc", 1500));

      assertThat(accuracy(scoring, inferences))
          .as("give or take the batch its int8 activations are scaled by")
          .isCloseTo(.967, within(.004));
    }
  }

  /** Both halves of the network, cut where the example cuts it. */
  @Test
  void scoresFashionAsItsAuthorsDid() throws Exception {
    Path data = Bundles.data("fashion");
    Bundle bundle = Bundle.load(Path.of("deploy/examples/bundles/fashion.yaml"), data);
    try (Scoring scoring = load(bundle, 32)) {
      List<byte[]> turned = stream("fashion", Integer.MAX_VALUE).subList(2000, 6000);

      List<Inference> inferences = infer(scoring, turned);

      int right = 0;
      for (int i = 0; i < turned.size(); i++) {
        String label = Json.MAPPER.readTree(turned.get(i)).get("label").asText();
        right += scoring.score(inferences.get(i), 0).best().label().equals(label) ? 1 : 0;
      }
      assertThat(right / 4000.0).as("upside down").isCloseTo(.30, within(.005));
    }
  }

  @Test
  void servesAnotherHeadOnTheRealBackbones() throws Exception {
    Bundle bundle = Bundles.clinc(directory);
    try (Scoring scoring = load(bundle, 32)) {
      Inference inference = scoring.infer(stream("clinc", 1).get(0));
      scoring.install(Heads.random(bundle, 1, 150, 9));

      assertThat(scoring.score(inference, 0).probabilities()).hasSize(150);
    }
  }
}

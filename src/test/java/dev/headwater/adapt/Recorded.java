package dev.headwater.adapt;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/**
 * A labelled stream as a head sees it.
 *
 * @param original the head that serves at first; empty in a cold start
 * @param features of each record, at the cut
 */
record Recorded(Space space, Optional<Head> original, List<String> truth, List<float[]> features) {
  /** Of a head that is one linear layer. */
  static final LinearLayer LAYER = new LinearLayer("w", "b", true);

  private static final int BATCH = 500;

  /** At the last layer. */
  static Recorded of(StreamFeatures stream) {
    int dim = stream.head().dim();
    List<String> labels = stream.headLabels();
    Tensor none = new Tensor(new long[] {0, 0}, new float[0]);
    return new Recorded(
        new Space("task", "backbone", dim, labels, true),
        Optional.of(
            new Head(
                new HeadInfo(
                    "task", 0, 0, labels, "backbone", Instant.EPOCH, "bundle", "none", VERDICT),
                new HeadLayout(LAYER, dim).tensors(stream.head()),
                none,
                none)),
        stream.truth(),
        stream.features());
  }

  private static final Verdict VERDICT = new Verdict(true, "as exported", 0, Map.of());

  /** Where a task begins with no head. */
  static Recorded cold(Task task, List<String> truth, List<float[]> features) {
    return new Recorded(Space.of(task, task), Optional.empty(), truth, features);
  }

  /** With features that no network made, and no head. */
  static Recorded cold(List<float[]> features, List<String> truth) {
    return new Recorded(
        new Space("task", "backbone", features.get(0).length, List.of(), true),
        Optional.empty(),
        truth,
        features);
  }

  /** Where the task's head begins. */
  static Recorded of(Bundle bundle, Path stream) throws Exception {
    List<String> lines = Files.readAllLines(stream);
    List<String> truth = new ArrayList<>();
    List<float[]> features = new ArrayList<>();
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 32, false), ScorerMetrics.NOOP)) {
      for (int from = 0; from < lines.size(); from += BATCH) {
        List<String> some = lines.subList(from, Math.min(lines.size(), from + BATCH));
        List<CompletableFuture<Inference>> submitted =
            scoring.submit(some.stream().map(l -> l.getBytes(UTF_8)).toList());
        for (int i = 0; i < some.size(); i++) {
          truth.add(Json.MAPPER.readTree(some.get(i)).get("label").asText());
          features.add(submitted.get(i).join().features(0));
        }
      }
    }
    Task task = bundle.task();
    return new Recorded(Space.of(task, task), task.head(), truth, features);
  }

  /** With a head of random weights for the one the network came with. */
  Recorded untrained(long seed) {
    return new Recorded(
        space, Optional.of(untrained(original.orElseThrow(), seed)), truth, features);
  }

  /** Of random weights (He et al. 2015), without biases. */
  static Head untrained(Head trained, long seed) {
    Random random = new Random(seed);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    trained
        .tensors()
        .forEach(
            (name, tensor) -> {
              float[] values = new float[tensor.values().length];
              int rows = (int) tensor.shape()[0];
              for (int i = 0; tensor.shape().length > 1 && i < values.length; i++) {
                values[i] = (float) (random.nextGaussian() * Math.sqrt(2.0 * rows / values.length));
              }
              tensors.put(name, new Tensor(tensor.shape(), values));
            });
    return new Head(trained.info(), tensors, trained.goldenFeatures(), trained.goldenLogits());
  }
}

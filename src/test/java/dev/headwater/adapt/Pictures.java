package dev.headwater.adapt;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileSelection;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * As {@link StreamSimulation}, where a label is a mask: whole pictures are scored, and of some of
 * them the tiles that a sample carries are learned from.
 */
final class Pictures {
  /** Pictures of the second part, in which tissue is stained. */
  static final int SECOND = 157;

  private static final String FIRST = "first";

  private final Bundle bundle;
  private final Task task;
  private final Dense dense;
  private final List<String> stream;

  /**
   * Intersection over union of the foreground, summed over the pictures of the first part and, by
   * domain, of the second.
   *
   * @param asked for their masks, picture by picture
   */
  record Report(
      double first,
      double stained,
      double fluorescence,
      List<Boolean> asked,
      int accepted,
      int candidates) {}

  Pictures(Bundle bundle, Path data) throws Exception {
    this.bundle = bundle;
    task = bundle.task();
    dense = Dense.of(task).orElseThrow();
    stream = Files.readAllLines(data.resolve("stream.jsonl"));
  }

  /**
   * @param delay pictures from a trigger to its head serving
   * @param audit share of the pictures
   */
  Report run(
      Head first,
      Fitter fitter,
      StreamSimulation.Choice choice,
      int delay,
      double audit,
      AdaptSettings settings)
      throws Exception {
    Clock clock = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);
    Learner learner =
        new Learner(Space.of(task, task), settings, new Gate(GateSettings.DEFAULT), fitter, clock);
    Map<String, double[]> sums = new HashMap<>();
    List<Boolean> asked = new ArrayList<>();
    Random audits = new Random(5);
    learner.live(first);
    Fitter.Trained live = fitter.of(first);
    Optional<Head> coming = Optional.empty();
    int comingAt = 0;
    int candidates = 0;
    int accepted = 0;
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 1, false), ScorerMetrics.NOOP)) {
      for (int t = 0; t < stream.size(); t++) {
        byte[] value = stream.get(t).getBytes(UTF_8);
        JsonNode record = Json.MAPPER.readTree(value);
        float[] features = scoring.infer(value).features(0);
        Remembered picture = remembered(sample(record, features, all()));
        float[] logits = live.logits(List.of(picture.features())).get(0);
        Dense.Found found = dense.found(picture, logits, task.labels().size());
        String part = t < stream.size() - SECOND ? FIRST : record.get("domain").asText();
        double[] sum = sums.computeIfAbsent(part, p -> new double[2]);
        sum[0] += found.intersection();
        sum[1] += found.union();
        float sure = (float) dense.confidence(picture, logits, task.labels().size());
        boolean audited = audits.nextDouble() < audit;
        float[] summary = dense.tiling().summary(features);
        asked.add(choice.asks(summary, new float[] {sure, 1 - sure}, audited) || audited);
        if (asked.get(t)) {
          String seed = record.get("id").asText();
          learner.add(sample(record, features, TileSelection.of(dense.tiling(), null, seed)), 0, t);
        }
        if (coming.isPresent() && t >= comingAt) {
          learner.live(coming.get());
          live = fitter.of(coming.get());
          coming = Optional.empty();
        }
        if (t >= comingAt && learner.due().isPresent()) {
          candidates++;
          Head candidate = learner.train("samples", candidates);
          comingAt = t + delay;
          coming = Optional.of(candidate).filter(head -> head.info().verdict().accepted());
          accepted += coming.isPresent() ? 1 : 0;
        }
      }
    }
    return new Report(
        iou(sums, FIRST),
        iou(sums, "stained_color"),
        iou(sums, "fluorescence"),
        asked,
        accepted,
        candidates);
  }

  private static double iou(Map<String, double[]> sums, String part) {
    double[] sum = sums.getOrDefault(part, new double[2]);
    return sum[0] / sum[1];
  }

  private Remembered remembered(Sample whole) {
    return Remembered.of(whole, 0, 0).with(dense.truth(whole));
  }

  private TileSelection all() {
    int tiles = dense.tiling().tiles();
    List<Integer> numbers = IntStream.range(0, tiles).boxed().toList();
    return new TileSelection(dense.tiling(), numbers, Collections.nCopies(tiles, 1f));
  }

  private Sample sample(JsonNode record, float[] features, TileSelection tiles) {
    Sample.Builder sample =
        Sample.newBuilder()
            .setRecordId(record.get("id").asText())
            .setTask(task.name())
            .setBackbone(task.fingerprint())
            .setReason(Reason.AUDIT)
            .setWeight(1)
            .setConfidence(0)
            .setHeadVersion(0)
            .setRecordTime(Instant.EPOCH)
            .setLabel(record.get("mask").asText());
    tiles.write(sample, features);
    return sample.build();
  }
}

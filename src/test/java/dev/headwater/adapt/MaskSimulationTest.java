package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.adapt.fit.Weights;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileDraw;
import dev.headwater.bundle.Tiling;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.selection.Selection;
import dev.headwater.tail.Tail;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The nuclei stream through the production learner and gate, without a broker: the backbone runs
 * once, and a head goes live some pictures after what triggered it. Prints what it finds.
 */
class MaskSimulationTest {
  /** Pictures before the second microscope. */
  private static final int FIRST = 120;

  /** From what triggered a training to its head, at two pictures a second. */
  private static final int DELAY = 4;

  private static final double SURE = .95;
  private static final FitSettings FIT = new FitSettings("cpu", 1, .02, 25, 100);

  /** Pixels of the foreground, right and in either mask. */
  private static final class Iou {
    private long intersection;
    private long union;

    void add(byte[] truth, float[] logits) {
      for (int i = 0; i < truth.length; i++) {
        boolean said = logits[truth.length + i] > logits[i];
        intersection += said && truth[i] > 0 ? 1 : 0;
        union += said || truth[i] > 0 ? 1 : 0;
      }
    }

    double value() {
      return (double) intersection / union;
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Picture(String id, float[] features, String mask, boolean stained) {}

  /**
   * @param seed of the order within either part, 0 for the recorded one
   */
  @ParameterizedTest
  @ValueSource(longs = {0, 1})
  void followsToStainedTissueAndKeepsFluorescence(long seed) throws Exception {
    Path data = Bundles.data("nuclei");
    Bundle bundle = Bundle.load(Path.of("deploy/examples/bundles/nuclei.yaml"), data);
    Task task = bundle.task();
    Dense dense = Dense.of(task).orElseThrow();
    Tail tail = Tail.of(task.split());
    TailTuner whole = new TailTuner(tail, task.split(), task.featureShapes(), FIT);
    TailTuner tiles = new TailTuner(tail, task.split(), task.rowShapes(), FIT);
    Learner learner =
        new Learner(
            Learner.Space.of(task),
            settings(),
            new Gate(GateSettings.DEFAULT),
            new TailFitter(task, tiles),
            Clock.systemUTC());
    Head live = task.head().orElseThrow();
    learner.live(live);
    Selection selection = new Selection(.03, SURE);
    Iou stained = new Iou();
    Iou fluorescence = new Iou();
    Optional<Head> coming = Optional.empty();
    int ready = 0;
    int labels = 0;
    int accepted = 0;
    long version = 0;
    List<Picture> pictures = pictures(bundle, data, seed);
    for (int t = 0; t < pictures.size(); t++) {
      Picture picture = pictures.get(t);
      float[] logits =
          whole.logits(new Weights(live.tensors()), List.of(picture.features())).get(0);
      if (t >= FIRST) {
        (picture.stained() ? stained : fluorescence)
            .add(dense.masks().decode(picture.mask(), "mask", picture.id()), logits);
      }
      float[] certainties = certainties(logits);
      boolean unsure = mean(certainties) < SURE;
      boolean audit = selection.audits(picture.id());
      if (unsure || audit) {
        labels++;
        Reason reason = audit ? Reason.AUDIT : Reason.UNSURE;
        learner.add(sample(task, picture, certainties, reason, unsure ? 1 : 1 / .03), 0, t);
      }
      if (coming.isPresent() && t >= ready) {
        live = coming.get();
        learner.live(live);
        coming = Optional.empty();
      }
      if (coming.isEmpty() && t >= ready && learner.due().isPresent()) {
        Head candidate = learner.train("samples", ++version);
        ready = t + DELAY;
        coming = Optional.of(candidate).filter(head -> head.info().verdict().accepted());
        accepted += coming.isPresent() ? 1 : 0;
      }
    }
    System.out.printf(
        "nuclei seed %d: stained %.3f, fluorescence %.3f, labels %.3f, accepted %d of %d%n",
        seed,
        stained.value(),
        fluorescence.value(),
        (double) labels / pictures.size(),
        accepted,
        version);
    assertThat(stained.value()).as("frozen: .135").isGreaterThan(.5);
    assertThat(fluorescence.value()).as("frozen: .873").isGreaterThan(.8);
    assertThat(labels).isLessThan(pictures.size() / 2);
  }

  private static AdaptSettings settings() {
    AdaptSettings d = AdaptSettings.of("simulation");
    return new AdaptSettings(
        d.transactionalId(),
        5,
        d.growth(),
        d.interval(),
        d.memory(),
        d.folds(),
        d.balance(),
        FIT,
        d.heads(),
        d.closeTimeout(),
        d.promotion(),
        d.drift(),
        d.alignUnlabelled());
  }

  private static List<Picture> pictures(Bundle bundle, Path data, long seed) throws Exception {
    List<Picture> pictures = new ArrayList<>();
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 2, false), ScorerMetrics.NOOP)) {
      for (String line : Files.readAllLines(data.resolve("stream.jsonl"))) {
        JsonNode node = Json.MAPPER.readTree(line);
        Inference inference = scoring.infer(line.getBytes(StandardCharsets.UTF_8));
        pictures.add(
            new Picture(
                node.get("id").asText(),
                inference.features(0),
                node.get("mask").asText(),
                !node.get("domain").asText().equals("fluorescence")));
      }
    }
    if (seed > 0) {
      Collections.shuffle(pictures.subList(0, FIRST), new Random(seed));
      Collections.shuffle(pictures.subList(FIRST, pictures.size()), new Random(seed));
    }
    return pictures;
  }

  private static float[] certainties(float[] logits) {
    float[] certainties = new float[logits.length / 2];
    for (int i = 0; i < certainties.length; i++) {
      double margin = Math.abs(logits[i] - logits[certainties.length + i]);
      certainties[i] = (float) (1 / (1 + Math.exp(-margin)));
    }
    return certainties;
  }

  private static double mean(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  private static Sample sample(
      Task task, Picture picture, float[] certainties, Reason reason, double weight) {
    Tiling tiling = task.tiling().orElseThrow();
    TileDraw draw = TileDraw.of(tiling, certainties, picture.id());
    return Sample.newBuilder()
        .setRecordId(picture.id())
        .setTask(task.name())
        .setBackbone(task.fingerprint())
        .setRows(draw.tiles().size())
        .setDim(tiling.size())
        .setFeatures(SampleSerde.pack(draw.cut(picture.features())))
        .setTiles(draw.tiles())
        .setRowWeights(draw.weights())
        .setReason(reason)
        .setWeight(weight)
        .setConfidence(.5f)
        .setHeadVersion(0)
        .setRecordTime(Instant.EPOCH)
        .setLabel(picture.mask())
        .setLabelTime(Instant.EPOCH)
        .build();
  }
}

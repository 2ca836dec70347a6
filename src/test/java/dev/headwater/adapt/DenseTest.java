package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileSelection;
import dev.headwater.bundle.Tiling;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Overlap;
import dev.headwater.gate.Trial;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.tail.Tail;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DenseTest {
  private static final int SIDE = 20;
  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // before each test
  private Task task;

  @SuppressWarnings("NullAway.Init")
  private Dense dense;

  private final Random random = new Random(9);

  @BeforeEach
  void readBundle() throws Exception {
    task = Bundles.segments(directory, SIDE, SIDE, 3).task();
    dense = Dense.of(task).orElseThrow();
  }

  @Test
  void anAnswerIsWorthWhatItsMaskOverlapsWeightedByTile() {
    Dense pixels = new Dense(new Tiling(1, 1, 4, 1, 0), dense.masks());
    byte[] truth = {1, 0, 1, -1};
    Remembered sample = remembered(new Dense.Truth(truth, new float[] {1, 1, 3, 1}));

    float[] allLight = {0, 1, 0, 1, 0, 1, 0, 1};
    float[] secondTile = {1, 0, 0, 1, 1, 0, 0, 1};
    float[] right = {0, 1, 1, 0, 0, 1, 0, 1};

    assertThat(pixels.found(sample, allLight, 2).iou()).isCloseTo(4.05 / 5.05, within(1e-9));
    assertThat(pixels.found(sample, secondTile, 2).iou()).isCloseTo(.05 / 5.05, within(1e-9));
    assertThat(pixels.found(sample, right, 2).iou())
        .as("what does not count, does not")
        .isEqualTo(1);
    Trial trial = pixels.trial(sample, secondTile, allLight, 2);
    assertThat(trial.gain()).isCloseTo(4 / 5.05, within(1e-9));
    assertThat(trial.overlap()).isEqualTo(new Overlap(0, 5, 4, 5, 0, .8));
    assertThat(pixels.trial(sample, right, right, 2).gain()).isZero();
  }

  @Test
  void aHeadIsAsSureOfAMaskAsOfItsPixels() {
    Dense pixels = new Dense(new Tiling(1, 1, 4, 1, 0), dense.masks());
    byte[] truth = {1, 0, 1, -1};
    Remembered sample = remembered(new Dense.Truth(truth, new float[] {1, 1, 3, 1}));

    float[] allLight = {0, 1, 0, 1, 0, 1, 0, 1};

    assertThat(pixels.confidence(sample, allLight, 2))
        .isCloseTo(1 / (1 + Math.exp(-1)), within(1e-9));
    assertThat(pixels.found(sample, allLight, 2).right()).isEqualTo(.8);
  }

  @Test
  void masksAreCountedUnderTheLiveHeadAndItsParentAsTheyCome() throws Exception {
    Map<TrainerMetrics.Side, double[]> told = new EnumMap<>(TrainerMetrics.Side.class);
    Map<TrainerMetrics.Side, Double> overlaps = new EnumMap<>(TrainerMetrics.Side.class);
    TrainerMetrics metrics =
        new TrainerMetrics() {
          @Override
          public void prequential(String task, Side head, double accuracy, double error) {
            told.put(head, new double[] {accuracy, error});
          }

          @Override
          public void overlap(String task, Side head, double iou) {
            overlaps.put(head, iou);
          }
        };
    Head own = task.head().orElseThrow();
    Prequential prequential =
        new Prequential(task.name(), task.kind(), Optional.of(dense), fitter(), metrics);
    double intersection = 0;
    double union = 0;
    double right = 0;
    double off = 0;
    prequential.follow(Optional.of(own), Optional.of(own));
    for (int i = 0; i < 2; i++) {
      Sample sample = Sample.newBuilder(sample("p" + i)).setWeight(1 + 2 * i).build();
      Remembered remembered = Remembered.of(sample, 0, 0).with(dense.truth(sample));
      float[] said = fitter().of(own).logits(List.of(remembered.features())).get(0);
      Dense.Found found = dense.found(remembered, said, 2);
      intersection += sample.getWeight() * found.intersection();
      union += sample.getWeight() * found.union();
      right += sample.getWeight() * found.right() / 4;
      double confidence = dense.confidence(remembered, said, 2);
      off += sample.getWeight() * (found.right() - confidence) / 4;

      assertThat(prequential.see(sample)).as("its error").contains(1 - found.right());
    }

    assertThat(told.get(TrainerMetrics.Side.LIVE)[0]).isCloseTo(right, within(1e-9));
    assertThat(overlaps.get(TrainerMetrics.Side.LIVE))
        .isCloseTo(intersection / union, within(1e-9));
    assertThat(overlaps.get(TrainerMetrics.Side.PREVIOUS))
        .isEqualTo(overlaps.get(TrainerMetrics.Side.LIVE));
    assertThat(told.get(TrainerMetrics.Side.LIVE)[1])
        .as("at least what is left where what is too sure makes up for what is not sure enough")
        .isBetween(Math.abs(off) - 1e-9, 1.0);
    assertThat(told.get(TrainerMetrics.Side.PREVIOUS))
        .isEqualTo(told.get(TrainerMetrics.Side.LIVE));
  }

  @Test
  void rarePixelsCountMore() {
    byte[] truth = {0, 0, 0, 1, -1};
    Batch batch = dense.batch(List.of(remembered(new Dense.Truth(truth, new float[1]))), 2, 1);

    double[] weights = batch.pixels().weights();
    assertThat(weights[1] / weights[0]).isCloseTo(Math.sqrt(3), within(1e-9));
    assertThat(3 * weights[0] + weights[1]).as("as many pixels' worth").isCloseTo(4, within(1e-9));
  }

  @Test
  void aHeadLearnsWhichPixelsAreWhatAndIsJudgedByIt() throws Exception {
    Learner learner = learner();
    Head own = task.head().orElseThrow();
    learner.live(own);
    for (int i = 0; i < 24; i++) {
      assertThat(learner.add(sample("r" + i), 0, i)).isTrue();
    }

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().accepted()).as(head.info().verdict().reason()).isTrue();
    assertThat(head.info().labels()).containsExactly("dark", "light");
    assertThat(head.goldenLogits().shape()).containsExactly(2, 2L * task.rowAnswers());
    assertThat(iou(own)).isLessThan(.6);
    for (int version = 2; version < 6; version++) {
      learner.live(head);
      head = learner.train("samples", version);
    }
    assertThat(iou(head)).as("it goes on from where it is").isGreaterThan(.9);

    List<Remembered> audit = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      Sample sample = Sample.newBuilder(sample("a" + i)).setReason(Reason.AUDIT).build();
      audit.add(Remembered.of(sample, 0, i).with(dense.truth(sample)));
    }
    Gate gate = new Gate(GateSettings.DEFAULT);
    Optional<Dense> masks = Optional.of(dense);
    assertThat(new Probation(head, own, fitter(), gate, task.kind(), masks).verdict(audit))
        .isEmpty();
    assertThat(new Probation(own, head, fitter(), gate, task.kind(), masks).verdict(audit))
        .hasValueSatisfying(verdict -> assertThat(verdict.reason()).startsWith("withdrawn"));
  }

  @Test
  void aNewHeadOnACoarserMapBeginsFromNothing() throws Exception {
    task = Bundles.newDense(directory.resolve("new"), 20, 20).task();
    dense = Dense.of(task).orElseThrow();
    Learner learner = learner();
    for (int i = 0; i < 24; i++) {
      assertThat(learner.add(sample("r" + i), 0, i)).isTrue();
    }
    assertThat(learner.due()).isPresent();

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().accepted()).as(head.info().verdict().reason()).isTrue();
    assertThat(head.info().labels()).containsExactly("dark", "light");
    assertThat(head.goldenLogits().shape()).containsExactly(2, 2L * 400);
    for (int version = 2; version < 4; version++) {
      learner.live(head);
      head = learner.train("samples", version);
    }
    assertThat(iou(head)).isGreaterThan(.9);
  }

  @Test
  void aGateThatRefusedIsAskedAgainWhenAQuarterMoreHasComeOrSomethingChanged() {
    Learner learner = learner();
    for (int i = 0; i < 24; i++) {
      learner.add(sample("r" + i), 0, i);
    }
    learner.train("samples", 1);
    for (int i = 24; i < 29; i++) {
      learner.add(sample("r" + i), 0, i);
      assertThat(learner.due()).as("%d masks", i + 1).isEmpty();
    }
    learner.add(sample("r29"), 0, 29);
    assertThat(learner.due()).as("6 more").contains("samples");

    learner.train("samples", 2);
    learner.add(sample("r30"), 0, 30);
    assertThat(learner.due()).isEmpty();
    learner.drifted("drift-features");
    assertThat(learner.due()).contains("drift-features");
  }

  @Test
  void whereNoHeadIsLiveACandidateMustBeatTheBestConstantMask() {
    Dense pixels = new Dense(new Tiling(1, 1, 4, 1, 0), dense.masks());
    Remembered most = remembered(new Dense.Truth(new byte[] {1, 1, 1, 0}, ones()));
    Remembered half = remembered(new Dense.Truth(new byte[] {1, 1, 0, 0}, ones()));

    List<float[]> constant = pixels.constant(List.of(most, half), 2);

    assertThat(constant).hasSize(2).allSatisfy(c -> assertThat(c).containsOnly(0, 1));
    assertThat(pixels.found(most, constant.get(0), 2).iou()).isCloseTo(3.04 / 4.04, within(1e-9));
    assertThat(pixels.trial(most, constant.get(0), constant.get(0), 2).gain()).isZero();
  }

  private static float[] ones() {
    return new float[] {1, 1, 1, 1};
  }

  @Test
  void whatIsNoMaskOfThisTaskIsNoSample() {
    Learner learner = learner();
    Sample good = sample("r1");

    assertThat(learner.add(Sample.newBuilder(good).setLabel("light").build(), 0, 0)).isFalse();
    assertThat(learner.add(Sample.newBuilder(good).setTiles(List.of(0)).build(), 0, 1)).isFalse();
    assertThat(learner.add(Sample.newBuilder(good).setTiles(List.of(0, 1, 2, 99)).build(), 0, 2))
        .isFalse();
    assertThat(learner.add(good, 0, 3)).isTrue();
  }

  private double iou(Head head) throws Exception {
    Fitter fitter = fitter();
    double sum = 0;
    for (int i = 0; i < 10; i++) {
      Sample sample = sample("new" + i);
      Remembered remembered = Remembered.of(sample, 0, 0).with(dense.truth(sample));
      float[] said = fitter.of(head).logits(List.of(remembered.features())).get(0);
      sum += dense.found(remembered, said, 2).iou();
    }
    return sum / 10;
  }

  private Learner learner() {
    try {
      return new Learner(
          Space.of(task, task),
          AdaptSettings.of("t"),
          new Gate(GateSettings.DEFAULT),
          fitter(),
          Clock.systemUTC());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private Fitter fitter() throws Exception {
    FitSettings settings = new FitSettings("cpu", 1, .02, 25, 100);
    return new TailFitter(
        task, new TailTuner(Tail.of(task.split()), task.split(), task.rowShapes(), settings));
  }

  /** Light where the first channel is, whatever the others say. */
  private Sample sample(String id) {
    Tiling tiling = dense.tiling();
    int scale = tiling.scale();
    int places = tiling.height() * tiling.width();
    float[] features = new float[tiling.channels() * places];
    byte[] classes = new byte[SIDE * SIDE];
    int edge = 4 + random.nextInt(12);
    for (int i = 0; i < classes.length; i++) {
      classes[i] = (byte) (i % SIDE < edge ? 1 : 0);
    }
    for (int i = 0; i < places; i++) {
      int x = i % tiling.width() * scale;
      features[i] = classes[x] + .2f * (float) random.nextGaussian();
      for (int c = 1; c < tiling.channels(); c++) {
        features[c * places + i] = Math.abs((float) random.nextGaussian());
      }
    }
    TileSelection draw = TileSelection.of(dense.tiling(), null, id);
    return Sample.newBuilder()
        .setRecordId(id)
        .setTask(task.name())
        .setBackbone(task.fingerprint())
        .setRows(draw.tiles().size())
        .setDim(dense.tiling().size())
        .setFeatures(SampleSerde.pack(draw.cut(features)))
        .setTiles(draw.tiles())
        .setRowWeights(draw.weights())
        .setReason(Reason.UNSURE)
        .setWeight(1)
        .setConfidence(.5f)
        .setHeadVersion(0)
        .setRecordTime(Instant.EPOCH)
        .setLabel(dense.masks().encode(classes))
        .setLabelTime(Instant.EPOCH)
        .build();
  }

  private static Remembered remembered(Dense.Truth truth) {
    return new Remembered("r", new float[4], "mask", 1, Reason.UNSURE, 0, 0, truth, null);
  }
}

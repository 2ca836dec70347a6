package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.onnx.GraphFixture;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScoringTest {
  private static final String[] WORDS = {"my", "card", "was", "lost"};

  @TempDir Path directory;

  private static Scoring load(Bundle bundle, int batchSize) {
    return Scoring.load(bundle, new ScoringSettings(2, 1, batchSize, false), ScorerMetrics.NOOP);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Sentences of 1 to 40 words. */
  private static List<byte[]> sentences(int count) {
    Random random = new Random(5);
    List<byte[]> values = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder text = new StringBuilder();
      for (int w = random.nextInt(40); w >= 0; w--) {
        text.append(WORDS[random.nextInt(WORDS.length)]).append(' ');
      }
      values.add(utf8("{\"id\":\"r%d\",\"text\":\"%s\"}".formatted(i, text)));
    }
    return values;
  }

  private static List<Inference> join(List<CompletableFuture<Inference>> futures) {
    return futures.stream().map(CompletableFuture::join).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 32, 1000})
  void infersInBatchesWhatItInfersOneByOneAndKeepsTheOrder(int batchSize) throws Exception {
    try (Scoring scoring = load(Bundles.text(directory, 24, 5), batchSize)) {
      List<byte[]> values = sentences(150);

      List<Inference> batched = join(scoring.submit(values));

      for (int i = 0; i < values.size(); i++) {
        Inference single = scoring.infer(values.get(i));
        assertThat(batched.get(i).recordId()).isEqualTo("r" + i).isEqualTo(single.recordId());
        assertThat(batched.get(i).features(0))
            .as("but for the rounding of sums taken in another order")
            .containsExactly(single.features(0), within(1e-6f * largest(single.features(0))));
        assertThat(scoring.score(batched.get(i), 0).probabilities())
            .as("logits reach the tens here, so a rounding in them shows tenfold")
            .containsExactly(scoring.score(single, 0).probabilities(), within(1e-5f));
      }
    }
  }

  @Test
  void whoWaitsTooLongForWhatWasBegunDoesItAndNobodyElseNeedsTo() throws Exception {
    try (Scoring scoring = load(Bundles.text(directory, 24, 5), 32)) {
      CompletableFuture<Inference> behindOthers = new CompletableFuture<>();

      Inference own = scoring.await(behindOthers, sentences(1).get(0));

      assertThat(own.recordId()).isEqualTo("r0");
      assertThat(behindOthers).isCompletedWithValue(own);
    }
  }

  @Test
  void saysTheSameOfATextThatADeeperCutPads() throws Exception {
    Bundle deep = Bundles.deepText(directory, 6, 3);
    String manifest = Files.readString(directory.resolve("headwater.yaml"));
    Bundle plain = Bundles.load(directory, manifest.replace("cut: -2\n", ""));
    assertThat(plain.task().featureSize()).isLessThan(deep.task().featureSize());
    List<byte[]> values = sentences(40);

    try (Scoring padded = load(deep, 7);
        Scoring open = load(plain, 7)) {
      List<Inference> ofPadded = join(padded.submit(values));
      List<Inference> ofOpen = join(open.submit(values));
      for (int i = 0; i < values.size(); i++) {
        assertThat(padded.score(ofPadded.get(i), 0).probabilities())
            .containsExactly(open.score(ofOpen.get(i), 0).probabilities(), within(1e-5f));
      }
    }
  }

  private static float largest(float[] values) {
    float largest = 0;
    for (float value : values) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private record Batch(int records, long positions, long padding) {}

  private List<Batch> batches(List<byte[]> texts) throws Exception {
    return batches(Bundles.text(directory, 8, 2), texts);
  }

  private static List<Batch> batches(Bundle bundle, List<byte[]> texts) throws Exception {
    List<Batch> batches = new ArrayList<>();
    ScorerMetrics telling =
        new ScorerMetrics() {
          @Override
          public synchronized void recordBatch(
              int records, long positions, long padding, Duration took) {
            batches.add(new Batch(records, positions, padding));
          }
        };
    try (Scoring scoring = Scoring.load(bundle, new ScoringSettings(1, 1, 32, false), telling)) {
      join(scoring.submit(texts));
    }
    return batches;
  }

  @Test
  void runsRecordsOfLikeLengthTogether() throws Exception {
    List<Batch> batches = batches(sentences(100));

    assertThat(batches.stream().mapToInt(Batch::records).sum()).isEqualTo(100);
    assertThat(batches)
        .as("the long ones first")
        .extracting(batch -> batch.positions() / batch.records())
        .isSortedAccordingTo(Comparator.reverseOrder());
    assertThat(batches.stream().mapToLong(Batch::padding).sum())
        .isLessThan(batches.stream().mapToLong(Batch::positions).sum() / 8);
  }

  /** So that none waits for a whole poll of a slow network while others have been answered. */
  @Test
  void seeksLikeLengthsAmongAsManyAsTakeASecondInTheirTurn() throws Exception {
    List<Batch> batches = batches(sentences(250));

    List<Integer> starts = new ArrayList<>();
    int run = 0;
    for (int i = 0; i < batches.size(); i++) {
      boolean longer = i > 0 && longest(batches.get(i)) > longest(batches.get(i - 1));
      if (longer) {
        starts.add(run);
      }
      run += batches.get(i).records();
    }
    assertThat(starts).as("nothing is known of its speed: 100 a second").containsExactly(100, 200);
  }

  private static long longest(Batch batch) {
    return batch.positions() / batch.records();
  }

  @Test
  void countsThePaddingThatADeeperCutNeeds() throws Exception {
    List<byte[]> texts = List.of(utf8("{\"id\":\"a\",\"text\":\"card\"}"));

    assertThat(batches(Bundles.deepText(directory, 6, 3), texts))
        .as("[CLS] card [SEP], and two more")
        .containsExactly(new Batch(1, 5, 2));
  }

  @Test
  void tellsHowMuchOfABatchIsPadding() throws Exception {
    List<byte[]> texts =
        List.of(
            utf8("{\"id\":\"short\",\"text\":\"my card\"}"),
            utf8("{\"id\":\"long\",\"text\":\"my card my card my\"}"));

    assertThat(batches(texts))
        .singleElement()
        .satisfies(
            batch -> {
              assertThat(batch.records()).isEqualTo(2);
              assertThat(batch.positions()).isGreaterThanOrEqualTo(2 * 5);
              assertThat(batch.padding()).as("of the shorter").isEqualTo(3);
            });
  }

  @Test
  void aRecordTheNetworkFailsOnDoesNotTakeItsNeighbours() throws Exception {
    try (Scoring scoring = load(Bundles.text(directory, 8, 3), 16)) {
      List<byte[]> values = new ArrayList<>(sentences(40));
      // a token the embedding has no row for: found only when the network runs
      values.set(17, utf8("{\"id\":\"bad\",\"text\":\"my poison card\"}"));
      values.set(23, null);
      values.set(31, utf8("{\"id\":\"worse\",\"text\":"));

      List<CompletableFuture<Inference>> futures = scoring.submit(values);

      assertThat(refusal(futures.get(17)))
          .hasMessageStartingWith("value the model failed on this input: ")
          .returns("bad", InvalidRecordException::recordId);
      assertThat(refusal(futures.get(23))).hasMessageContaining("tombstone");
      assertThat(refusal(futures.get(31))).hasMessageContaining("not valid JSON");
      for (int i = 0; i < values.size(); i++) {
        if (i != 17 && i != 23 && i != 31) {
          assertThat(futures.get(i).join().recordId()).isEqualTo("r" + i);
        }
      }
      assertThatThrownBy(() -> scoring.infer(values.get(17)))
          .as("the same by itself")
          .isInstanceOf(InvalidRecordException.class);
    }
  }

  private static InvalidRecordException refusal(CompletableFuture<Inference> future) {
    ExecutionException e = catchThrowableOfType(ExecutionException.class, future::get);
    assertThat(e).hasCauseInstanceOf(InvalidRecordException.class);
    return (InvalidRecordException) e.getCause();
  }

  @Test
  void refusesARecordWhoseFeaturesOverflow() throws Exception {
    try (Scoring scoring = load(Bundles.tabular(directory, 2, 3), 8)) {
      byte[] good = utf8("{\"id\":\"a\",\"x\":[1,2]}");
      byte[] huge = utf8("{\"id\":\"b\",\"x\":[3e38,3e38]}");

      List<CompletableFuture<Inference>> futures = scoring.submit(List.of(good, huge, good));

      assertThat(refusal(futures.get(1))).hasMessage("value produces non-finite features");
      assertThat(refusal(futures.get(1)).recordId()).isEqualTo("b");
      assertThat(futures.get(0).join().features(0)).isEqualTo(futures.get(2).join().features(0));
    }
  }

  @Test
  void carriesTheInlineLabelAndItsSize() throws Exception {
    try (Scoring scoring = load(Bundles.tabular(directory, 2, 3), 8)) {
      Inference inference = scoring.infer(utf8("{\"id\":\"a\",\"x\":[1,2],\"label\":\"new\"}"));

      assertThat(inference.label(0)).isEqualTo("new");
      assertThat(inference.bytes()).isBetween((16 + 3) * 4L, 1000L);
    }
  }

  @Test
  void aSwapReachesRecordsInferredBeforeIt() throws Exception {
    Bundle bundle = Bundles.text(directory, 8, 3);
    try (Scoring scoring = load(bundle, 8)) {
      Inference before = scoring.infer(sentences(1).get(0));
      assertThat(scoring.score(before, 0).head().orElseThrow().version()).isZero();

      scoring.install(Heads.random(bundle, 4, 5, 1));

      Scores after = scoring.score(before, 0);
      assertThat(after.head()).contains(Heads.live(scoring));
      assertThat(Heads.live(scoring).version()).isEqualTo(4);
      assertThat(after.probabilities()).as("two labels more").hasSize(5);
      assertThat(after.probabilities())
          .as("applied later as it would have been at once")
          .containsExactly(
              scoring.score(scoring.infer(sentences(1).get(0)), 0).probabilities(), within(1e-6f));
    }
  }

  @Test
  void aColdStartScoresNothingUntilItsFirstHead() throws Exception {
    Bundle bundle = Bundles.coldStart(directory, 8);
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 8, true), ScorerMetrics.NOOP)) {
      Inference inference = scoring.infer(utf8("my card"));
      double norm = 0;
      for (float f : inference.features(0)) {
        norm += f * f;
      }
      assertThat(norm).as("pooled and normalised").isCloseTo(1, within(1e-5));

      Scores cold = scoring.score(inference, 0);
      assertThat(scoring.live()).isEmpty();
      assertThat(cold.head()).isEmpty();
      assertThat(cold.best().confidence()).isZero();
      assertThat(cold.top(5)).isEmpty();
      assertThat(cold.frozen()).isNull();

      scoring.install(Heads.constant(bundle, 1, 0, 3));
      scoring.install(Heads.constant(bundle, 2, 5, 0, 0));

      Scores warm = scoring.score(inference, 0);
      assertThat(warm.best().label()).isEqualTo("label-0");
      assertThat(warm.frozen().label()).as("the first head there was").isEqualTo("label-1");
      assertThat(warm.frozen().confidence())
          .isCloseTo(Math.exp(3) / (1 + Math.exp(3)), within(1e-6));
      assertThat(scoring.loadedHeads()).isEqualTo(2);
    }
  }

  @Test
  void comparesWithTheBundlesOwnHeadWhereAsked() throws Exception {
    Bundle bundle = Bundles.text(directory, 8, 3);
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(2, 1, 8, true), ScorerMetrics.NOOP)) {
      List<byte[]> values = sentences(20);
      List<Scores> own =
          join(scoring.submit(values)).stream().map(i -> scoring.score(i, 0)).toList();

      scoring.install(Heads.constant(bundle, 1, 0, 0, 9));

      List<Scores> later =
          join(scoring.submit(values)).stream().map(i -> scoring.score(i, 0)).toList();
      for (int i = 0; i < values.size(); i++) {
        assertThat(own.get(i).frozen()).isEqualTo(own.get(i).best());
        assertThat(later.get(i).best().label()).isEqualTo("label-2");
        assertThat(later.get(i).frozen().label()).isEqualTo(own.get(i).best().label());
        assertThat(later.get(i).frozen().confidence())
            .isCloseTo(own.get(i).best().confidence(), within(1e-6));
      }
    }
  }

  @Test
  void refusesABundleWhoseNetworkDoesNotRun() throws Exception {
    Bundle bundle = Bundles.tabular(directory, 4, 3, "cut: -2");
    byte[] misfit = // five numbers a record make no rows of seven: only a run tells
        GraphFixture.opset(17)
            .input("features", -1, 4)
            .weight("w1", 4, 5)
            .weight("w2", 7, 3)
            .integers("rows", DataType.INT64, new long[] {2}, -1, 7)
            .node("MatMul", "h", "features", "w1")
            .node("Reshape", "r", "h", "rows")
            .node("MatMul", "logits", "r", "w2")
            .output("logits", -1, 3)
            .bytes();
    Files.write(directory.resolve("model.onnx"), misfit);
    Bundle broken = Bundle.load(directory.resolve("headwater.yaml"), directory);

    try (Scoring fine = load(bundle, 4)) {
      assertThat(fine.live()).containsOnlyKeys("kind");
    }
    assertThatThrownBy(() -> load(broken, 4))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("the bundle's head for task kind cannot serve");
  }

  @Test
  void closingFailsWhatIsLeftAndCrashesNothing() throws Exception {
    Bundle bundle = Bundles.text(directory, 64, 5);
    AtomicInteger done = new AtomicInteger();
    for (int round = 0; round < 20; round++) {
      Scoring scoring = load(bundle, 4);
      List<CompletableFuture<Inference>> futures = scoring.submit(sentences(400));
      futures.get(round).handle((inference, failure) -> done.incrementAndGet());
      scoring.close();
      scoring.close();

      assertThat(
              IntStream.range(0, futures.size())
                  .mapToObj(futures::get)
                  .map(f -> f.handle((inference, failure) -> inference != null || failure != null)))
          .as("nobody waits for ever")
          .allMatch(f -> f.orTimeout(30, TimeUnit.SECONDS).join());
      assertThat(scoring.loadedHeads()).isZero();
      assertThatThrownBy(() -> scoring.infer(sentences(1).get(0)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("scoring is closed");
      assertThat(scoring.submit(Arrays.asList(utf8("{}"), null)))
          .allMatch(CompletableFuture::isCompletedExceptionally);
    }
    assertThat(done).hasValue(20);
  }

  @Test
  void takesAnEmptyPoll() throws Exception {
    try (Scoring scoring = load(Bundles.tabular(directory, 2, 3), 8)) {
      assertThat(scoring.submit(List.of())).isEmpty();
    }
  }
}

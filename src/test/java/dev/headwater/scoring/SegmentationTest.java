package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.Tiling;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentationTest {
  private static final int HEIGHT = 21;
  private static final int WIDTH = 37;
  @TempDir Path directory;

  @Test
  void everyPixelGetsItsClassAndHowSureThatIs() throws Exception {
    Bundle bundle = Bundles.segments(directory, 1, 3, 1);
    float[] logits = {0, 5, 1, 0, -5, 3};

    Segmentation pixels =
        Segmentation.of(new Logits(bundle.task().head().orElseThrow().info(), 1, logits));

    assertThat(pixels.classes()).containsExactly(0, 0, 1);
    float[] sure = pixels.confidences(Measure.MAX_PROBABILITY);
    assertThat(sure[0]).isEqualTo(.5f);
    assertThat(sure[1]).isCloseTo(1 / (1 + (float) Math.exp(-10)), within(1e-6f));
    assertThat(pixels.leastConfidence()).isEqualTo(.5);
    assertThat(pixels.confidence()).isCloseTo((sure[0] + sure[1] + sure[2]) / 3.0, within(1e-6));
    assertThat(pixels.confidence(Measure.MARGIN))
        .isCloseTo(2 * pixels.confidence() - 1, within(1e-6));
    assertThat(pixels.shares()).isEqualTo(Map.of("dark", 2 / 3.0, "light", 1 / 3.0));
  }

  @Test
  void logitsThatAreNoNumbersAreTheRecordsFault() throws Exception {
    Bundle bundle = Bundles.segments(directory, 1, 1 + 1, 1);
    Logits broken =
        new Logits(bundle.task().head().orElseThrow().info(), 1, new float[] {0, Float.NaN, 0, 0});

    assertThatThrownBy(() -> Segmentation.of(broken))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("non-finite logits");
  }

  @Test
  void aTileIsToldWhatTheWholeMapIsTold() throws Exception {
    Task task = Bundles.segments(directory.resolve("own"), HEIGHT, WIDTH, 5).task();
    compare(task, task.head().orElseThrow());
  }

  @Test
  void soIsATileOfAMapThatIsCoarserThanThePicture() throws Exception {
    Bundle bundle = Bundles.newDense(directory, 2 * HEIGHT, 2 * WIDTH);
    compare(bundle.task(), cold(bundle));
  }

  private static void compare(Task task, Head weights) throws Exception {
    Tiling tiling = task.tiling().orElseThrow();
    float[] features = new float[task.featureSize()];
    Random random = new Random(3);
    for (int i = 0; i < features.length; i++) {
      features[i] = (float) random.nextGaussian();
    }
    int width = tiling.scale() * tiling.width();
    int pixels = tiling.scale() * tiling.height() * width;
    byte[] rows = new byte[pixels];
    byte[] columns = new byte[pixels];
    for (int i = 0; i < pixels; i++) {
      rows[i] = (byte) (i / width);
      columns[i] = (byte) (i % width);
    }
    int compared = 0;
    try (HeadGraph graph = new HeadGraph(task, 1)) {
      LoadedHead head = graph.load(weights);
      float[] whole = graph.logits(head, features)[0].values();
      for (int tile = 0; tile < tiling.tiles(); tile++) {
        float[] cut = new float[tiling.size()];
        tiling.cut(features, tile, cut, 0);
        float[] part = graph.golden(head, cut)[0].values();
        byte[] y = tiling.cut(rows, tile);
        byte[] x = tiling.cut(columns, tile);
        for (int i = 0; i < 2 * y.length; i++) {
          int at = i % y.length;
          if (y[at] >= 0) {
            float wanted = whole[i / y.length * pixels + y[at] * width + x[at]];
            assertThat(part[i]).isCloseTo(wanted, within(1e-4f));
            compared++;
          }
        }
      }
      head.release();
    }
    assertThat(tiling.tiles()).isGreaterThan(3);
    assertThat(compared).as("every pixel of both classes").isEqualTo(2 * pixels);
  }

  @Test
  void aNewHeadSaysNothingUntilItsFirstVersionServes() throws Exception {
    Bundle bundle = Bundles.newDense(directory, HEIGHT + 1, WIDTH + 1);
    byte[] record =
        "{\"id\": \"r1\", \"image\": \"%s\"}".formatted(png()).getBytes(StandardCharsets.UTF_8);

    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 2, true), ScorerMetrics.NOOP)) {
      Inference inference = scoring.infer(record);
      assertThat(scoring.score(inference, 0).head()).isEmpty();
      assertThat(scoring.score(inference, 0).confidence(Measure.MAX_PROBABILITY)).isZero();

      scoring.install(cold(bundle));

      Segmentation pixels = scoring.score(inference, 0).pixels();
      assertThat(pixels).as("of features computed before").isNotNull();
      assertThat(pixels.classes()).hasSize((HEIGHT + 1) * (WIDTH + 1));
      assertThat(pixels.shares()).containsOnlyKeys("dark", "light");
    }
  }

  /** A first head, of random weights. */
  private static Head cold(Bundle bundle) throws Exception {
    Task task = bundle.task();
    Random random = new Random(8);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (String name : task.split().parameterNames()) {
      Tensor tensor = Tensor.zeros(task.split().shape(name, 2));
      for (int i = 0; i < tensor.values().length; i++) {
        tensor.values()[i] = (float) random.nextGaussian();
      }
      tensors.put(name, tensor);
    }
    Head empty =
        new Head(
            Heads.info(bundle, 1, task.labels()),
            tensors,
            new Tensor(new long[] {0, task.rowSize()}, new float[0]),
            new Tensor(new long[] {0, 2L * task.rowAnswers()}, new float[0]));
    float[] tile = new float[task.rowSize()];
    java.util.Arrays.fill(tile, .5f);
    try (HeadGraph graph = new HeadGraph(task, 1)) {
      LoadedHead loaded = graph.load(empty);
      float[] said = graph.golden(loaded, tile)[0].values();
      loaded.release();
      return golden(bundle, empty, tile, said);
    }
  }

  @Test
  void aDenseHeadWithGoldenTilesServesAndAWrongOneDoesNot() throws Exception {
    Bundle bundle = Bundles.segments(directory, HEIGHT, WIDTH, 3);
    Task task = bundle.task();
    Head own = task.head().orElseThrow();
    float[] tile = new float[task.rowSize()];
    java.util.Arrays.fill(tile, .5f);
    float[] said;
    try (HeadGraph graph = new HeadGraph(task, 1)) {
      LoadedHead head = graph.load(own);
      said = graph.golden(head, tile)[0].values();
      head.release();
    }
    float[] other = said.clone();
    other[0] += 1;

    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 2, true), ScorerMetrics.NOOP)) {
      scoring.install(golden(bundle, own, tile, said));
      assertThat(Heads.live(scoring).version()).isEqualTo(1);
      assertThatThrownBy(() -> scoring.install(golden(bundle, own, tile, other)))
          .hasMessageContaining("golden pair 0 differ by");

      Inference inference =
          scoring.infer(
              "{\"id\": \"r1\", \"image\": \"%s\"}"
                  .formatted(png())
                  .getBytes(StandardCharsets.UTF_8));
      Scores scores = scoring.score(inference, 0);
      assertThat(scores.top(3)).isEmpty();
      assertThat(Optional.ofNullable(scores.pixels())).isPresent();
      assertThat(scores.pixels().classes())
          .hasSize(HEIGHT * WIDTH)
          .isEqualTo(scores.frozenPixels().classes());
      assertThat(scores.confidence(Measure.MAX_PROBABILITY))
          .isEqualTo(scores.pixels().confidence());
    }
  }

  private static Head golden(Bundle bundle, Head own, float[] tile, float[] said) {
    return new Head(
        Heads.info(bundle, 1, own.info().labels()),
        own.tensors(),
        new Tensor(new long[] {1, tile.length}, tile),
        new Tensor(new long[] {1, said.length}, said));
  }

  private static String png() throws Exception {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(WIDTH, HEIGHT, BufferedImage.TYPE_BYTE_GRAY), "png", file);
    return Base64.getEncoder().encodeToString(file.toByteArray());
  }
}

package dev.headwater.onnx;

import static dev.headwater.onnx.LinearHeadTest.first;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensorLike;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Encoders without a head: pooled, then given one. */
final class EncoderTest {
  private static final int DIM = 4;
  private static final long[] SHAPE = {3, 4};

  /** The second text is padded, the third is nothing but padding. */
  private static Map<String, OnnxTensorLike> tokens() throws Exception {
    return Map.of(
        "input_ids", Ort.longs(SHAPE, 1, 2, 3, 4, 5, 6, 0, 0, 7, 7, 7, 7),
        "attention_mask", Ort.longs(SHAPE, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0));
  }

  @ParameterizedTest
  @ValueSource(longs = {8, 11, 12, 13, 18, 21, 26})
  void poolsTheMeanOfTheTokensAtEveryOpset(long opset) throws Exception {
    // given
    byte[] encoder = GraphFixture.encoder(opset, 8, DIM);
    float[] hidden = first(Ort.run(encoder, tokens())).floats();

    // when
    Split split = pooled(encoder, false).headless("sentence_embedding");
    float[] features = first(Ort.run(split.backbone(), tokens())).floats();

    // then
    for (int d = 0; d < DIM; d++) {
      float whole = 0;
      for (int token = 0; token < 4; token++) {
        whole += hidden[token * DIM + d] / 4;
      }
      float half = (hidden[4 * DIM + d] + hidden[5 * DIM + d]) / 2;
      assertThat(features[d]).as("a text without padding").isCloseTo(whole, within(1e-6f));
      assertThat(features[DIM + d]).as("a padded text").isCloseTo(half, within(1e-6f));
      assertThat(features[2 * DIM + d]).as("no token at all is no NaN").isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {8, 13, 18, 21})
  void poolsTheMeanOfStatesThatAllCountAtEveryOpset(long opset) throws Exception {
    // given
    byte[] encoder = GraphFixture.encoder(opset, 8, DIM);
    float[] hidden = first(Ort.run(encoder, tokens())).floats();

    // when
    float[] features = run(OnnxFile.parse(encoder).withMeanPooling("last_hidden_state", false));

    // then
    assertThat(features).hasSize(3 * DIM);
    for (int i = 0; i < features.length; i++) {
      float mean = 0;
      for (int token = 0; token < 4; token++) {
        mean += hidden[(i / DIM * 4 + token) * DIM + i % DIM] / 4;
      }
      assertThat(features[i]).isCloseTo(mean, within(1e-6f));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {8, 11, 13, 18})
  void scalesThePooledVectorToLengthOne(long opset) throws Exception {
    // given
    byte[] encoder = GraphFixture.encoder(opset, 8, DIM);
    float[] mean = run(pooled(encoder, false));

    // when
    float[] unit = run(pooled(encoder, true));

    // then
    for (int text = 0; text < 2; text++) {
      double length = 0;
      for (int d = 0; d < DIM; d++) {
        length += mean[text * DIM + d] * mean[text * DIM + d];
      }
      for (int d = 0; d < DIM; d++) {
        assertThat(unit[text * DIM + d])
            .isCloseTo((float) (mean[text * DIM + d] / Math.sqrt(length)), within(1e-6f));
      }
    }
    assertThat(unit[2 * DIM]).as("a zero vector stays one").isZero();
  }

  @Test
  void startsWithAnEmptyHeadAndMergesATrainedOne() throws Exception {
    // given
    OnnxFile file = pooled(GraphFixture.encoder(13, 8, DIM), true);
    Split split = file.headless("sentence_embedding");
    LinearLayer linear = split.linear().orElseThrow();
    List<Parameter> trained =
        List.of(
            new Parameter(linear.weight(), new long[] {2, DIM}, noise(2 * DIM)),
            new Parameter(String.valueOf(linear.bias()), new long[] {2}, noise(2)));

    // when
    byte[] merged = split.merge(trained);
    Map<String, OnnxTensorLike> features = Ort.run(split.backbone(), tokens());
    Ort.Values logits = first(Ort.run(split.head(), LinearHeadTest.with(features, trained)));

    // then
    assertThat(split.parameters()).as("nothing trained yet").isEmpty();
    assertThat(split.features()).containsExactly("sentence_embedding");
    assertThat(split.dim()).isEqualTo(DIM);
    assertThat(linear.classesFirst()).isTrue();
    assertThat(logits.shape()).containsExactly(3, 2);
    assertThat(first(Ort.run(merged, tokens()))).isEqualTo(logits);
    assertThat(OnnxFile.parse(merged).outputs().get(0))
        .isEqualTo(new TensorInfo(split.logits(), ElementType.FLOAT, new long[] {-1, 2}));
    assertThat(OnnxFile.parse(merged).split("auto").parameters()).isEqualTo(trained);
  }

  @Test
  void putsANewHeadOnTheFloatTensorBeforeAnIntegerOne() throws Exception {
    // given
    OnnxFile file = OnnxFile.parse(GraphFixture.qdq(DIM, 3));

    // when
    Split split = file.headless("h");

    // then
    assertThat(split.dim()).isEqualTo(DIM);
    assertThat(Ort.run(split.backbone(), Map.of("features", Ort.noise(1, 2, DIM))))
        .containsOnlyKeys("h");
  }

  @Test
  void takesTheFirstToken() throws Exception {
    OnnxFile file = OnnxFile.parse(GraphFixture.encoder(13, 8, DIM));
    float[] hidden =
        Ort.values(Ort.run(GraphFixture.encoder(13, 8, DIM), tokens()).get("last_hidden_state"))
            .floats();
    int texts = run(file.withFirstToken("last_hidden_state", false)).length / DIM;

    float[] first = run(file.withFirstToken("last_hidden_state", false));
    float[] unit = run(file.withFirstToken("last_hidden_state", true));

    for (int text = 0; text < texts; text++) {
      double length = 0;
      for (int d = 0; d < DIM; d++) {
        int at = text * DIM + d;
        assertThat(first[at]).isEqualTo(hidden[text * (hidden.length / texts) + d]);
        length += unit[at] * unit[at];
      }
      assertThat(length).isCloseTo(1, within(1e-5));
    }
    assertThatThrownBy(() -> file.withFirstToken("input_ids", true))
        .hasMessageContaining("INT64 of 2 dimensions");
  }

  @Test
  void refusesWhatCannotBePooled() throws Exception {
    OnnxFile file = OnnxFile.parse(GraphFixture.encoder(13, 8, DIM));
    assertThatThrownBy(() -> file.withMeanPooling("hidden", "attention_mask", true))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("no computed tensor `hidden`")
        .hasMessageContaining("last_hidden_state");
    assertThatThrownBy(() -> file.withMeanPooling("last_hidden_state", "mask", true))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("no mask `mask`")
        .hasMessageContaining("attention_mask");
    assertThatThrownBy(() -> file.withMeanPooling("input_ids", "attention_mask", true))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("INT64 of 2 dimensions");
    OnnxFile old = OnnxFile.parse(GraphFixture.encoder(7, 8, DIM));
    assertThatThrownBy(() -> old.withMeanPooling("last_hidden_state", "attention_mask", true))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("needs opset 8");
  }

  @Test
  void refusesAHeadWhereThereIsNoVector() throws Exception {
    OnnxFile file = OnnxFile.parse(GraphFixture.encoder(13, 8, DIM));
    assertThatThrownBy(() -> file.headless("last_hidden_state"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("pool it first");
    assertThatThrownBy(() -> file.headless("input_ids"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("is INT64");
    assertThatThrownBy(() -> file.headless("nothing"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("no computed tensor `nothing`");
    byte[] wide =
        GraphFixture.opset(17)
            .input("x", -1, -1)
            .node("Relu", "y", "x")
            .output("y", -1, -1)
            .bytes();
    assertThatThrownBy(() -> OnnxFile.parse(wide).headless("y"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("[?, ?]");
  }

  @Test
  void poolsMiniLm() throws Exception {
    // given
    Path path = Path.of("target/encoder/all-minilm-l6-v2-q.onnx");
    Assumptions.assumeTrue(Files.exists(path), "needs mvn generate-resources");
    OnnxFile file = OnnxFile.read(path);
    long[] shape = {2, 5};
    Map<String, OnnxTensorLike> texts =
        Map.of(
            "input_ids", Ort.longs(shape, 101, 7592, 2088, 999, 102, 101, 7592, 102, 0, 0),
            "attention_mask", Ort.longs(shape, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
            "token_type_ids", Ort.longs(shape, new long[10]));
    float[] hidden = first(Ort.run(Files.readAllBytes(path), texts)).floats();

    // when
    Split split =
        file.withMeanPooling("last_hidden_state", "attention_mask", false)
            .headless("sentence_embedding");
    float[] features = first(Ort.run(split.backbone(), texts)).floats();

    // then
    assertThat(split.dim()).isEqualTo(384);
    for (int d = 0; d < 384; d++) {
      float mean = (hidden[5 * 384 + d] + hidden[6 * 384 + d] + hidden[7 * 384 + d]) / 3;
      assertThat(features[384 + d]).as("dimension %d", d).isCloseTo(mean, within(1e-5f));
    }
  }

  private static OnnxFile pooled(byte[] encoder, boolean normalize) throws OnnxException {
    return OnnxFile.parse(encoder)
        .withMeanPooling("last_hidden_state", "attention_mask", normalize);
  }

  private static float[] run(OnnxFile file) throws Exception {
    String features = file.outputs().get(0).name();
    return first(Ort.run(file.headless(features).backbone(), tokens())).floats();
  }

  private static float[] noise(int size) {
    Random random = new Random(5);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}

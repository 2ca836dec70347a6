package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxTensorLike;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NewHeadTest {
  private static final byte[] VECTORS = GraphFixture.mlp(5, 7, 3);
  private static final byte[] MAPS = GraphFixture.conv1x1(2, 6, 3);

  @Test
  void stacksHiddenLayersOnVectors() throws Exception {
    // given
    Split split = OnnxFile.parse(VECTORS).headless("r", NewHead.of(8, 4));

    // when
    Map<String, OnnxTensorLike> logits = run(split, 5, Map.of("features", Ort.noise(1, 2, 5)));

    // then
    assertThat(split.dim()).isEqualTo(7);
    assertThat(split.linear()).as("it is more than one layer").isEmpty();
    assertThat(split.parameterNames())
        .containsExactly(
            "head.hidden.0.weight",
            "head.hidden.0.bias",
            "head.hidden.1.weight",
            "head.hidden.1.bias",
            "head.weight",
            "head.bias");
    assertThat(Ort.values(logits.get(split.logits())).shape()).containsExactly(2, 5);
  }

  @Test
  void namesNoNodeAsAnotherIs() throws Exception {
    ModelProto.Builder model = ModelProto.parseFrom(VECTORS).toBuilder();
    model.getGraphBuilder().getNodeBuilder(1).setName("logits_2");
    Split split = new OnnxFile(model.build()).headless("r");
    Parameter weight = new Parameter("head.weight", new long[] {2, 7}, new float[14]);
    Parameter bias = new Parameter("head.bias", new long[] {2}, new float[] {1, 2});

    byte[] merged = split.merge(List.of(weight, bias));

    assertThat(
            Ort.values(Ort.run(merged, Map.of("features", Ort.noise(1, 1, 5))).get("logits_2"))
                .floats())
        .containsExactly(1, 2);
  }

  @Test
  void startsItsHiddenLayersAlikeEveryTime() throws Exception {
    List<Parameter> initial = OnnxFile.parse(VECTORS).headless("r", NewHead.of(400)).parameters();

    assertThat(initial)
        .as("the last layer has no classes yet")
        .isEqualTo(OnnxFile.parse(VECTORS).headless("r", NewHead.of(400)).parameters())
        .extracting(Parameter::name)
        .containsExactly("head.hidden.0.weight", "head.hidden.0.bias");
    double squares = 0;
    for (float value : initial.get(0).values()) {
      squares += value * value;
    }
    assertThat(squares / 2800).as("variance").isBetween(0.9 * 2 / 7, 1.1 * 2 / 7);
    assertThat(initial.get(1).values()).containsOnly(0f);
  }

  @Test
  void answersForEveryPlaceOfAMap() throws Exception {
    // given
    Split split = OnnxFile.parse(MAPS).headless("r", NewHead.of(8));
    Split resized = OnnxFile.parse(MAPS).headless("r", new NewHead(List.of(), 3));
    Map<String, OnnxTensorLike> inputs = Map.of("image", Ort.noise(1, 2, 2, 4, 4));

    // then
    assertThat(Ort.values(run(split, 5, inputs).get(split.logits())).shape())
        .containsExactly(2, 5, 4, 4);
    assertThat(Ort.values(run(resized, 3, inputs).get(resized.logits())).shape())
        .containsExactly(2, 3, 12, 12);
    assertThat(resized.logitsMap())
        .hasValueSatisfying(map -> assertThat(map).containsExactly(12, 12));
    assertThat(resized.reach()).as("it lies between two places").isEqualTo(1);
    assertThat(resized.linear()).as("resized afterwards").isEmpty();
    assertThat(OnnxFile.parse(MAPS).headless("r").linear()).as("1×1 convolution").isPresent();
  }

  @Test
  void liesOnALineBetweenTheAnswersOfTwoPlaces() throws Exception {
    // given
    Split split = OnnxFile.parse(MAPS).headless("r", new NewHead(List.of(5), 2));
    Split flat = OnnxFile.parse(MAPS).headless("r", NewHead.of(5));
    Map<String, OnnxTensorLike> inputs = Map.of("image", Ort.noise(1, 1, 2, 4, 4));

    // when
    float[] fine = Ort.values(run(split, 3, inputs).get(split.logits())).floats();

    // then
    float[] coarse = Ort.values(run(flat, 3, inputs).get(flat.logits())).floats();
    for (int c = 0; c < 3; c++) {
      for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 8; x++) {
          float top = between(coarse, c * 16 + floor(y) * 4, x);
          float below = between(coarse, c * 16 + Math.min(3, floor(y) + 1) * 4, x);
          float wanted = top + (below - top) * share(y);
          assertThat(fine[(c * 8 + y) * 8 + x]).isCloseTo(wanted, within(1e-4f));
        }
      }
    }
  }

  @Test
  void standsOnTheAverageOfAMapToTellOneThingOfIt() throws Exception {
    // given
    OnnxFile file = OnnxFile.parse(MAPS).averaging("r");
    Split split = file.headless(file.average("r"), NewHead.of(8));
    Map<String, OnnxTensorLike> inputs = Map.of("image", Ort.noise(1, 2, 2, 4, 4));

    // when
    Ort.Values features =
        Ort.values(
            Ort.run(file.backbone(split.features(), List.of(split)), inputs)
                .get(split.features().get(0)));

    // then
    float[] map =
        Ort.values(Ort.run(file.backbone(List.of("r"), List.of()), inputs).get("r")).floats();
    assertThat(features.shape()).containsExactly(2, 6);
    for (int i = 0; i < 2 * 6; i++) {
      double sum = 0;
      for (int place = 0; place < 16; place++) {
        sum += map[i * 16 + place];
      }
      assertThat(features.floats()[i]).isCloseTo((float) (sum / 16), within(1e-5f));
    }
    assertThat(Ort.values(run(split, 5, inputs).get(split.logits())).shape()).containsExactly(2, 5);
    assertThat(Ort.values(Ort.run(split.merge(trained(split, 5)), inputs).get(split.logits())))
        .as("in one file")
        .isEqualTo(Ort.values(run(split, 5, inputs).get(split.logits())));
    assertThat(file.averaging("r")).as("once").isSameAs(file);
    OnnxFile vectors = OnnxFile.parse(VECTORS);
    assertThat(vectors.averaging("r")).as("no map").isSameAs(vectors);
    assertThat(vectors.average("r")).isEqualTo("r");
  }

  /** A pixel of two a place lies a quarter of a place from the middle of its own. */
  private static int floor(int pixel) {
    return Math.max(0, (pixel - 1) / 2 - (pixel == 0 ? 1 : 0));
  }

  private static float share(int pixel) {
    return pixel == 0 ? 0 : pixel % 2 == 0 ? .75f : .25f;
  }

  private static float between(float[] values, int row, int x) {
    float left = values[row + floor(x)];
    return left + (values[row + Math.min(3, floor(x) + 1)] - left) * share(x);
  }

  @Test
  void isMergedIntoOneNetwork() throws Exception {
    // given
    Split split = OnnxFile.parse(MAPS).headless("r", new NewHead(List.of(8), 3));
    Map<String, OnnxTensorLike> inputs = Map.of("image", Ort.noise(1, 2, 2, 4, 4));

    // when
    byte[] merged = split.merge(trained(split, 5));

    // then
    assertThat(Ort.values(Ort.run(merged, inputs).get(split.logits())).floats())
        .containsExactly(
            Ort.values(run(split, 5, inputs).get(split.logits())).floats(), within(1e-4f));
  }

  @ParameterizedTest
  @ValueSource(ints = {13, 17, 18})
  void addsUpTheSubclassesOfAClass(int opset) throws Exception {
    // given
    NewHead head = new NewHead(List.of(), 1, 2);
    byte[] model = opset(VECTORS, opset);
    Split split = OnnxFile.parse(model).headless("r", head);
    Map<String, OnnxTensorLike> features = Map.of("features", Ort.noise(1, 2, 5));

    // when
    float[] logits = Ort.values(run(split, 3, features).get(split.logits())).floats();

    // then
    float[] r =
        Ort.values(Ort.run(split.backbone(), features).get(split.features().get(0))).floats();
    List<Parameter> parameters = trained(split, 3);
    float[] weight = parameters.get(1).values();
    float[] bias = parameters.get(2).values();
    assertThat(split.parameterNames()).containsExactly("head.factor", "head.weight", "head.bias");
    assertThat(split.linear()).isEmpty();
    for (int record = 0; record < 2; record++) {
      for (int c = 0; c < 3; c++) {
        double sum = 0;
        for (int sub = 0; sub < 2; sub++) {
          double said = bias[sub * 3 + c];
          for (int d = 0; d < 7; d++) {
            said += r[record * 7 + d] * weight[(sub * 7 + d) * 3 + c];
          }
          sum += Math.exp(said);
        }
        assertThat(logits[record * 3 + c]).isCloseTo((float) Math.log(sum), within(1e-4f));
      }
    }
    assertThat(Ort.values(Ort.run(split.merge(parameters), features).get(split.logits())).floats())
        .as("in one file")
        .containsExactly(logits, within(1e-5f));
  }

  private static byte[] opset(byte[] model, int version) throws Exception {
    ModelProto.Builder changed = ModelProto.parseFrom(model).toBuilder();
    changed.getOpsetImportBuilder(0).setVersion(version);
    return changed.build().toByteArray();
  }

  @Test
  void refusesWhatCannotBe() {
    assertThatThrownBy(() -> NewHead.of(0)).hasMessageContaining("hidden layers of 1 to");
    assertThatThrownBy(() -> new NewHead(List.of(), 1, 0)).hasMessageContaining("1 to 256 subcl");
    assertThatThrownBy(() -> new NewHead(List.of(4), 1, 2)).hasMessageContaining("no hidden");
    assertThatThrownBy(() -> OnnxFile.parse(MAPS).headless("r", new NewHead(List.of(), 1, 2)))
        .hasMessageContaining("a head with subclasses needs vectors");
    assertThatThrownBy(() -> new NewHead(List.of(), 0))
        .hasMessageContaining("scale of a new head must be at least 1");
    assertThatThrownBy(() -> OnnxFile.parse(VECTORS).headless("r", new NewHead(List.of(), 4)))
        .hasMessageContaining("needs a map [N, C, H, W]");
    assertThatThrownBy(
            () ->
                OnnxFile.parse(GraphFixture.encoder(17, 9, 4))
                    .headless("last_hidden_state", NewHead.of(3)))
        .hasMessageContaining("pool it first");
  }

  private static Map<String, OnnxTensorLike> run(
      Split split, int classes, Map<String, OnnxTensorLike> inputs) throws Exception {
    Map<String, OnnxTensorLike> given = new LinkedHashMap<>(Ort.run(split.backbone(), inputs));
    given.putAll(Ort.parameters(trained(split, classes)));
    return Ort.run(split.head(), given);
  }

  /** The hidden layers as they start, and a last layer of random weights. */
  public static List<Parameter> trained(Split split, int classes) {
    List<Parameter> trained = new ArrayList<>(split.parameters());
    Random random = new Random(4);
    for (String name : split.parameterNames()) {
      if (trained.stream().noneMatch(p -> p.name().equals(name))) {
        long[] shape = split.shape(name, classes);
        float[] values = new float[(int) java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian();
        }
        trained.add(new Parameter(name, shape, values));
      }
    }
    return trained;
  }
}

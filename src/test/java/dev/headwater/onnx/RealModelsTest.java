package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensorLike;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Backbone and head say what the whole says, on networks as their exporters wrote them.
 *
 * <p>To the bit on float models, but for heads of several layers whose weights are fed: ONNX
 * Runtime picks other kernels (packed, blocked) for weights it knows to be constant.
 */
final class RealModelsTest {
  private static final Path DATA =
      Path.of(Optional.ofNullable(System.getenv("HEADWATER_DATA")).orElse("../shared/data"));

  @ParameterizedTest
  @CsvSource({
    "clinc, auto, sentence_embedding, 384, 0.00001",
    "clinc, sentence_embedding, sentence_embedding, 384, 0.00001",
    "gas, auto, /encoder/encoder.3/Relu_output_0, 128, 0",
    "gas, -2, /encoder/encoder.1/Relu_output_0, 256, 0",
    "gas, -3, /Div_output_0, 128, 0",
    "gas, features, features, 128, 0",
    "fashion, auto, view, 128, 0",
    "fashion, -2, relu_3, -1, 0",
    "nuclei, auto, /d1/d1.1/d1.1.2/Relu_output_0, -1, 0",
    "nuclei, -3, /Concat_1_output_0, -1, 0",
    "bert, auto, /m/bert/pooler/activation/Tanh_output_0, 48, 0",
    "bert, -2, /m/bert/pooler/Gather_output_0, 48, 0",
    "bert, -4, , -1, 0",
  })
  void backboneAndHeadSayWhatTheWholeSays(
      String name, String cut, String features, int dim, float tolerance) throws Exception {
    // given
    byte[] original = original(name);
    Split split = OnnxFile.parse(original).split(cut);
    Map<String, OnnxTensorLike> inputs = inputs(name);

    // when
    Ort.Values whole = logits(Ort.run(original, inputs));
    Ort.Values lifted = logits(Ort.runSplit(split, inputs));
    Ort.Values stored = logits(Ort.runStored(split, inputs));
    Ort.Values merged = logits(Ort.run(split.merge(split.parameters()), inputs));

    // then
    if (features != null) {
      assertThat(split.features()).as("where it was cut").containsExactly(features);
    }
    assertThat(split.dim()).as("the width of a feature vector").isEqualTo(dim);
    float lifting = split.linear().isPresent() ? tolerance : 1e-5f;
    assertSame(lifted, whole, lifting, "backbone and head, weights fed, against the original");
    assertSame(stored, whole, tolerance, "backbone and head, weights stored, against the original");
    assertSame(merged, whole, tolerance, "merged with its own weights against the original");
  }

  private static void assertSame(Ort.Values got, Ort.Values wanted, float tolerance, String what) {
    assertThat(got.shape()).as(what).containsExactly(wanted.shape());
    for (int i = 0; i < wanted.floats().length; i++) {
      float value = wanted.floats()[i];
      assertThat(Math.abs(got.floats()[i] - value))
          .as("%s, number %d", what, i)
          .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(value)));
    }
  }

  private static Ort.Values logits(Map<String, OnnxTensorLike> outputs) {
    return Ort.values(Optional.ofNullable(outputs.get("logits")).orElseThrow());
  }

  private static byte[] original(String name) throws Exception {
    Path file = DATA.resolve(name).resolve("model.onnx");
    Assumptions.assumeTrue(Files.exists(file), "needs the data beside the project: " + file);
    return Files.readAllBytes(file);
  }

  private static Map<String, OnnxTensorLike> inputs(String name) throws Exception {
    return switch (name) {
      case "gas" -> Map.of("features", Ort.noise(1, 3, 128));
      case "fashion" -> Map.of("image", Ort.noise(1, 3, 1, 28, 28));
      case "nuclei" -> Map.of("image", Ort.noise(1, 2, 1, 128, 128));
      default -> tokens();
    };
  }

  /** Two texts of six tokens, the second padded. */
  private static Map<String, OnnxTensorLike> tokens() throws Exception {
    long[] shape = {2, 6};
    return Map.of(
        "input_ids", Ort.longs(shape, 10, 27, 55, 63, 12, 9, 10, 44, 31, 9, 0, 0),
        "attention_mask", Ort.longs(shape, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
        "token_type_ids", Ort.longs(shape, new long[12]));
  }
}

package dev.headwater.tail;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.bundle.Bundles;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Ort;
import dev.headwater.onnx.Split;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Deep tails of networks as their exporters wrote them. */
final class RealTailsTest {

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "gas | -2",
        "fashion | -1",
        "fashion | relu_3",
        "fashion | -5",
        "nuclei | /Concat_1_output_0",
        "nuclei | -5",
        "nuclei | /e3/e3.1/e3.1.2/Relu_output_0, /e2/e2.1/e2.1.2/Relu_output_0, /e1/e1.1/e1.1.2/Relu_output_0",
        "bert | -1",
        "bert | -2",
        "bert | -4",
        "bert | -8",
      })
  void saysWhatOnnxRuntimeSaysAndLearns(String name, String cut) throws Exception {
    OnnxFile file = OnnxFile.read(Bundles.data(name).resolve("model.onnx"));
    try (Rebuilt rebuilt = new Rebuilt(file.split(cut), inputs(name))) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
      assertThat(rebuilt.still())
          .as("a key's bias alone does nothing: a softmax stays where all its scores rise alike")
          .hasSizeLessThanOrEqualTo(name.equals("bert") ? 1 : 0);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fashion | relu_3 | 64, 7, 7",
        "fashion | auto | 128",
        "nuclei | /Concat_1_output_0 | 48, 128, 128",
        "nuclei | -5 | 96, 64, 64; 16, 128, 128",
        "bert | -2 | 48",
        "bert | -4 | -1, 48",
        "bert | -8 | -1, 48; ?",
      })
  void knowsTheShapeOfOneRecordsFeatures(String name, String cut, String shapes) throws Exception {
    Split split = OnnxFile.read(Bundles.data(name).resolve("model.onnx")).split(cut);

    assertThat(
            split.featureShapes().stream()
                .map(s -> s.map(Arrays::toString).orElse("[?]"))
                .collect(Collectors.joining("; ")))
        .as("shapes of %s", split.features())
        .isEqualTo("[" + shapes.replace("; ", "]; [") + "]");
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
        "attention_mask", Ort.longs(shape, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0));
  }
}

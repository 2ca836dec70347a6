package dev.headwater.tail;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.Exported;
import dev.headwater.onnx.Inspection;
import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Split;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Every layer of many networks as the first of a head, as exporters write them. */
final class ExportedTailsTest {
  private static final int DEEPEST = 10;

  /** Beyond so many numbers a gradient would only take long. */
  private static final long LARGE = 3_000_000;

  /** Attention in windows, of which there are several a record. */
  private static final Set<String> REFUSED = Set.of("swin -4", "swin -8");

  @Test
  void sayWhatOnnxRuntimeSaysAndLearn() throws Exception {
    Set<String> refused = new TreeSet<>();
    int cuts = 0;
    for (Path path : Exported.files()) {
      String name = path.getFileName().toString().replace(".onnx", "");
      OnnxFile file = OnnxFile.read(path);
      Map<String, OnnxTensorLike> inputs = Exported.inputs(file);
      int deepest = Math.min(DEEPEST, Inspection.read(path).layers().size());
      for (int back = 1; back <= deepest; back++) {
        String cut = "-" + back;
        try {
          check(file.split(cut), inputs, name + " " + cut);
          cuts++;
        } catch (OnnxException e) { // with its reason; which may be is below
          refused.add(name + " " + cut);
        }
      }
    }
    System.out.printf("%d cuts, refused %s%n", cuts, refused);
    assertThat(refused).isEqualTo(REFUSED);
  }

  private static void check(Split split, Map<String, OnnxTensorLike> inputs, String cut)
      throws Exception {
    try (Rebuilt rebuilt = new Rebuilt(split, inputs)) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      long numbers = split.parameters().stream().mapToLong(p -> p.values().length).sum();
      if (numbers < LARGE) {
        assertThat(rebuilt.gradients()).as(cut).isNotEmpty();
      }
    } catch (AssertionError e) {
      throw new AssertionError(cut + ": " + e.getMessage(), e);
    }
  }
}

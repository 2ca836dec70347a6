package dev.headwater.onnx;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnxruntime.OnnxTensorLike;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Networks that src/test/python/exports.py wrote, where {@code HEADWATER_EXPORTS} says it did. */
public final class Exported {
  private static final int RECORDS = 3;
  private static final int LENGTH = 9;
  private static final int WORDS = 50;

  private Exported() {}

  /** Their files; skips the test where there are none. */
  public static List<Path> files() throws IOException {
    String directory = System.getenv("HEADWATER_EXPORTS");
    assumeTrue(directory != null, "HEADWATER_EXPORTS names no directory of exported networks");
    try (Stream<Path> files = Files.list(Path.of(directory))) {
      return files.filter(file -> file.toString().endsWith(".onnx")).sorted().toList();
    }
  }

  /** Three records, of which a mask hides some places. */
  public static Map<String, OnnxTensorLike> inputs(OnnxFile file) throws Exception {
    Map<String, OnnxTensorLike> inputs = new LinkedHashMap<>();
    Random random = new Random(7);
    for (TensorInfo input : file.inputs()) {
      long[] shape = input.shape().clone();
      for (int axis = 0; axis < shape.length; axis++) {
        shape[axis] = shape[axis] > 0 ? shape[axis] : axis == 0 ? RECORDS : LENGTH;
      }
      if (input.type() == ElementType.INT64) {
        int size = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
        boolean mask = input.name().contains("mask");
        long[] values =
            IntStream.range(0, size)
                .mapToLong(
                    i -> !mask ? random.nextInt(WORDS) : i % LENGTH < 6 || i < LENGTH ? 1 : 0)
                .toArray();
        inputs.put(input.name(), Ort.longs(shape, values));
      } else {
        inputs.put(input.name(), Ort.noise(1, shape));
      }
    }
    return inputs;
  }
}

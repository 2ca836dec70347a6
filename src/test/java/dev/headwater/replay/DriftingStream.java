package dev.headwater.replay;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.onnx.GraphFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Three Gaussians on a circle, and a network that knows them. Half-way through the stream the
 * circle turns, so that every cluster lies nearer to where its neighbour was: the frozen head is
 * wrong from there on, while one linear layer on the same features can tell old and new apart.
 */
public final class DriftingStream {
  static final int CLASSES = 3;
  private static final int UNITS = 12;
  private static final double RADIUS = 3;
  private static final double NOISE = .5;
  private static final double TURN = Math.toRadians(75);

  private DriftingStream() {}

  /** Backbone: how far a point lies in each of twelve directions. Head: sums them up by class. */
  public static Bundle bundle(Path directory) throws Exception {
    Files.createDirectories(directory);
    byte[] network =
        GraphFixture.opset(17)
            .input("x", -1, 2)
            .tensor(
                tensor(
                    "hidden.weight", UNITS, 2, (unit, axis) -> axis == 0 ? cos(unit) : sin(unit)))
            .tensor(
                tensor(
                    "fc.weight",
                    CLASSES,
                    UNITS,
                    (label, unit) -> Math.cos(angle(unit) - centre(label))))
            .node("Gemm", "turned", Map.of("transB", 1), "x", "hidden.weight")
            .node("Relu", "features", "turned")
            .node("Gemm", "logits", Map.of("transB", 1), "features", "fc.weight")
            .output("logits", -1, CLASSES)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    Files.writeString(directory.resolve("labels.json"), "[\"c0\", \"c1\", \"c2\"]");
    return Bundles.load(
        directory,
        """
        name: circle
        task: cluster
        model: model.onnx
        labels: labels.json
        input: {id: /id, label: /label, numbers: /x}
        """);
  }

  /**
   * Writes a stream of {@code {"id", "x": [2], "label"}} with a bad record every so often.
   *
   * @param badEvery every so manieth record has a number that is none; 0 for none
   */
  public static Path write(Path file, int size, int badEvery) throws IOException {
    Random random = new Random(11);
    String lines =
        IntStream.range(0, size)
            .mapToObj(i -> line(i, size, badEvery > 0 && i % badEvery == badEvery - 1, random))
            .collect(Collectors.joining("\n"));
    return Files.writeString(file, lines);
  }

  private static String line(int i, int size, boolean bad, Random random) {
    int label = random.nextInt(CLASSES);
    double centre = centre(label) + (i < size / 2 ? 0 : TURN);
    double x = RADIUS * Math.cos(centre) + NOISE * random.nextGaussian();
    double y = RADIUS * Math.sin(centre) + NOISE * random.nextGaussian();
    return "{\"id\": \"d%d\", \"x\": [%s, %s], \"label\": \"c%d\"}"
        .formatted(i, x, bad ? "NaN" : y, label);
  }

  private static double centre(int label) {
    return 2 * Math.PI * label / CLASSES;
  }

  private static double angle(int unit) {
    return 2 * Math.PI * unit / UNITS;
  }

  private static double cos(int unit) {
    return Math.cos(angle(unit));
  }

  private static double sin(int unit) {
    return Math.sin(angle(unit));
  }

  private interface Cell {
    double at(int row, int column);
  }

  private static TensorProto tensor(String name, int rows, int columns, Cell cell) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.FLOAT.getNumber())
            .addDims(rows)
            .addDims(columns);
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        tensor.addFloatData((float) cell.at(row, column));
      }
    }
    return tensor.build();
  }
}

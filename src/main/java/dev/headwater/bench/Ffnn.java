package dev.headwater.bench;

import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.schema.Json;
import java.io.BufferedWriter;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * The small workload of the Crayfish study (EDBT 2024): a feed-forward network from 28×28 pixels
 * over three layers of 32 to 10 classes, 28 thousand weights, on records of 8 KB of JSON. Nobody
 * trained it; it is made when wanted, the same each time.
 */
public final class Ffnn {
  private static final int PIXELS = 28 * 28;
  private static final int CLASSES = 10;
  private static final int[] WIDTHS = {PIXELS, 32, 32, 32, CLASSES};
  private static final int RECORDS = 2000;
  private static final int DIGITS = 7;

  private Ffnn() {}

  /**
   * Writes bundle, records and configuration.
   *
   * @param directory is there
   * @return the configuration's file
   */
  public static Path write(Path directory) throws IOException {
    Random random = new Random(28);
    Files.write(directory.resolve("model.onnx"), network(random).toByteArray());
    Json.MAPPER.writeValue(
        directory.resolve("labels.json").toFile(),
        IntStream.range(0, CLASSES).mapToObj(String::valueOf).toList());
    Files.writeString(
        directory.resolve("headwater.yaml"),
        """
        name: ffnn
        task: digit
        model: model.onnx
        labels: labels.json
        input: {id: /id, numbers: /pixels}
        """);
    records(random, directory.resolve("stream.jsonl"));
    // commit interval and linger of the other examples
    return Files.writeString(
        directory.resolve("config.yaml"),
        """
        name: ffnn
        bundle: {directory: %1$s}
        kafka: {bootstrap.servers: "localhost:9092"}
        stream: {commit-interval: 50ms, linger: 5ms}
        replay: {stream: %1$s/stream.jsonl}
        """
            .formatted(directory.toAbsolutePath()));
  }

  private static void records(Random random, Path file) throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      for (int i = 0; i < RECORDS; i++) {
        ObjectNode record = Json.MAPPER.createObjectNode().put("id", "f" + i);
        ArrayNode pixels = record.putArray("pixels");
        for (int p = 0; p < PIXELS; p++) {
          pixels.add(
              BigDecimal.valueOf(random.nextDouble()).setScale(DIGITS, RoundingMode.HALF_UP));
        }
        out.write(record + "\n");
      }
    }
  }

  private static ModelProto network(Random random) {
    GraphProto.Builder graph = GraphProto.newBuilder().setName("ffnn");
    graph.addInput(floats("pixels", PIXELS)).addOutput(floats("logits", CLASSES));
    String from = "pixels";
    int last = WIDTHS.length - 1;
    for (int layer = 1; layer <= last; layer++) {
      String name = "layer" + layer;
      graph.addInitializer(weights(random, name + ".weight", WIDTHS[layer], WIDTHS[layer - 1]));
      graph.addInitializer(weights(random, name + ".bias", WIDTHS[layer]));
      String to = layer == last ? "logits" : name;
      NodeProto.Builder gemm = node("Gemm", to, List.of(from, name + ".weight", name + ".bias"));
      gemm.addAttributeBuilder().setName("transB").setType(AttributeType.INT).setI(1);
      graph.addNode(gemm);
      if (layer < last) {
        from = name + ".relu";
        graph.addNode(node("Relu", from, List.of(to)));
      }
    }
    ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(8).setGraph(graph);
    model.addOpsetImportBuilder().setVersion(17);
    return model.build();
  }

  private static NodeProto.Builder node(String op, String to, List<String> from) {
    return NodeProto.newBuilder().setOpType(op).setName(to).addAllInput(from).addOutput(to);
  }

  private static TensorProto.Builder weights(Random random, String name, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT_VALUE);
    long size = 1;
    for (long side : shape) {
      tensor.addDims(side);
      size *= side;
    }
    double scale = Math.sqrt(2.0 / shape[shape.length - 1]);
    for (long i = 0; i < size; i++) {
      tensor.addFloatData((float) (random.nextGaussian() * scale));
    }
    return tensor;
  }

  private static ValueInfoProto.Builder floats(String name, int width) {
    ValueInfoProto.Builder value = ValueInfoProto.newBuilder().setName(name);
    value
        .getTypeBuilder()
        .getTensorTypeBuilder()
        .setElemType(DataType.FLOAT_VALUE)
        .getShapeBuilder()
        .addDim(dimension().setDimParam("records"))
        .addDim(dimension().setDimValue(width));
    return value;
  }

  private static TensorShapeProto.Dimension.Builder dimension() {
    return TensorShapeProto.Dimension.newBuilder();
  }
}

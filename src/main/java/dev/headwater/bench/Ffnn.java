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
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * An untrained feed-forward network with three hidden layers of width 32, and numeric JSON records.
 * It is generated with a fixed seed.
 *
 * @param pixels numbers per record
 * @param classes labels per task
 * @param tasks number of tasks, each with its own head
 */
public record Ffnn(int pixels, int classes, int tasks) {
  /**
   * The small workload of the Crayfish study (EDBT 2024): 28×28 pixels to 10 classes, 28,000
   * weights, records of 8 KB.
   */
  public static final Ffnn CRAYFISH = new Ffnn(28 * 28, 10, 1);

  private static final int LAYERS = 3;
  private static final int WIDTH = 32;
  private static final int RECORDS = 2000;
  private static final int DIGITS = 7;

  /**
   * Writes bundle, records and configuration.
   *
   * @param directory existing directory
   * @return the configuration file
   */
  public Path write(Path directory) throws IOException {
    Random random = new Random(28);
    Files.write(directory.resolve("model.onnx"), network(random).toByteArray());
    Json.MAPPER.writeValue(
        directory.resolve("labels.json").toFile(),
        IntStream.range(0, classes).mapToObj(String::valueOf).toList());
    Files.writeString(
        directory.resolve("headwater.yaml"),
        """
        name: ffnn
        model: model.onnx
        input: {id: /id, numbers: /pixels}
        tasks:
        """
            + IntStream.range(0, tasks)
                .mapToObj(
                    "  - {name: digit%1$d, labels: labels.json, cut: features%1$d}\n"::formatted)
                .collect(Collectors.joining()));
    records(random, directory.resolve("stream.jsonl"));
    // same commit interval as in deploy/examples
    return Files.writeString(
        directory.resolve("config.yaml"),
        """
        name: ffnn
        bundle: {directory: %1$s}
        kafka: {bootstrap.servers: "localhost:9092"}
        stream: {commit-interval: 50ms}
        replay: {stream: %1$s/stream.jsonl}
        """
            .formatted(directory.toAbsolutePath()));
  }

  private void records(Random random, Path file) throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      for (int i = 0; i < RECORDS; i++) {
        ObjectNode record = Json.MAPPER.createObjectNode().put("id", "f" + i);
        ArrayNode numbers = record.putArray("pixels");
        for (int p = 0; p < pixels; p++) {
          numbers.add(
              BigDecimal.valueOf(random.nextDouble()).setScale(DIGITS, RoundingMode.HALF_UP));
        }
        out.write(record + "\n");
      }
    }
  }

  private ModelProto network(Random random) {
    GraphProto.Builder graph = GraphProto.newBuilder().setName("ffnn");
    graph.addInput(floats("pixels", pixels));
    gemm(graph, random, "pixels", pixels, "layer1", WIDTH);
    for (int layer = 2; layer <= LAYERS; layer++) {
      String before = "layer" + (layer - 1);
      graph.addNode(node("Relu", before + ".relu", List.of(before)));
      gemm(graph, random, before + ".relu", WIDTH, "layer" + layer, WIDTH);
    }
    for (int task = 0; task < tasks; task++) {
      // a separate cut tensor per task: with a shared one, each head would contain all heads
      graph.addNode(node("Relu", "features" + task, List.of("layer" + LAYERS)));
      gemm(graph, random, "features" + task, WIDTH, "logits" + task, classes);
      graph.addOutput(floats("logits" + task, classes));
    }
    ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(8).setGraph(graph);
    model.addOpsetImportBuilder().setVersion(17);
    return model.build();
  }

  private static void gemm(
      GraphProto.Builder graph, Random random, String from, int wide, String to, int width) {
    graph.addInitializer(weights(random, to + ".weight", width, wide));
    graph.addInitializer(weights(random, to + ".bias", width));
    NodeProto.Builder gemm = node("Gemm", to, List.of(from, to + ".weight", to + ".bias"));
    gemm.addAttributeBuilder().setName("transB").setType(AttributeType.INT).setI(1);
    graph.addNode(gemm);
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

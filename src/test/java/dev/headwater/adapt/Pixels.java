package dev.headwater.adapt;

import ai.djl.engine.Engine;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import dev.headwater.schema.Tensor;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import javax.imageio.ImageIO;

/**
 * A segmentation stream as its last layer sees it, which looks at one pixel at a time: a uniform
 * draw of each picture's pixels, picture by picture.
 *
 * @param domains of each pixel's picture
 */
record Pixels(Recorded recorded, List<String> domains) {
  static final int PER_PICTURE = 16;

  /**
   * @param task with a head of the last layer's size, whose weights this stream's network replaces
   */
  static Pixels of(Task task, Path bundle) throws Exception {
    ModelProto model = ModelProto.parseFrom(Files.readAllBytes(bundle.resolve("model.onnx")));
    GraphProto graph = model.getGraph();
    NodeProto last = graph.getNode(graph.getNodeCount() - 1);
    ModelProto.Builder tapped = model.toBuilder();
    tapped.getGraphBuilder().addOutput(ValueInfoProto.newBuilder().setName(last.getInput(0)));
    List<String> truth = new ArrayList<>();
    List<String> domains = new ArrayList<>();
    List<float[]> features = new ArrayList<>();
    Random random = new Random(1);
    Engine.getEngine("OnnxRuntime"); // DJL must be the one to create the process's environment
    OrtEnvironment env = OrtEnvironment.getEnvironment();
    try (OrtSession session = env.createSession(tapped.build().toByteArray())) {
      for (String line : Files.readAllLines(bundle.resolve("stream.jsonl"))) {
        JsonNode record = Json.MAPPER.readTree(line);
        Raster image = raster(record, "image");
        Raster mask = raster(record, "mask");
        int width = image.getWidth();
        float[] values = image.getSamples(0, 0, width, image.getHeight(), 0, (float[]) null);
        for (int i = 0; i < values.length; i++) {
          values[i] /= 255;
        }
        long[] shape = {1, 1, image.getHeight(), width};
        try (OnnxTensor input = OnnxTensor.createTensor(env, FloatBuffer.wrap(values), shape);
            OrtSession.Result result = session.run(Map.of("image", input))) {
          OnnxTensor at = (OnnxTensor) result.get(last.getInput(0)).orElseThrow();
          FloatBuffer channels = at.getFloatBuffer();
          for (int p = 0; p < PER_PICTURE; p++) {
            int pixel = random.nextInt(values.length);
            float[] row = new float[task.featureSize()];
            for (int c = 0; c < row.length; c++) {
              row[c] = channels.get(c * values.length + pixel);
            }
            features.add(row);
            int set = mask.getSample(pixel % width, pixel / width, 0);
            truth.add(task.labels().get(set > 0 ? 1 : 0));
            domains.add(record.get("domain").asText());
          }
        }
      }
    }
    return new Pixels(
        new Recorded(Space.of(task, task), Optional.of(head(task, graph, last)), truth, features),
        domains);
  }

  private static Raster raster(JsonNode record, String field) throws Exception {
    return ImageIO.read(new ByteArrayInputStream(record.get(field).binaryValue())).getRaster();
  }

  private static Head head(Task task, GraphProto graph, NodeProto last) {
    Head own = task.head().orElseThrow();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    Iterator<String> names = last.getInputList().subList(1, 3).iterator();
    for (Map.Entry<String, Tensor> entry : own.tensors().entrySet()) {
      float[] values = StreamFeatures.initializer(graph, names.next());
      tensors.put(entry.getKey(), new Tensor(entry.getValue().shape(), values));
    }
    return new Head(own.info(), tensors, own.goldenFeatures(), own.goldenLogits());
  }

  /** Intersection over union of the second label, over pixels of a domain from one on. */
  double iou(boolean[] right, String domain, int from) {
    int both = 0;
    int either = 0;
    String wanted = recorded.space().labels().get(1);
    for (int i = from; i < right.length; i++) {
      if (domains.get(i).equals(domain)) {
        boolean is = recorded.truth().get(i).equals(wanted);
        both += is && right[i] ? 1 : 0;
        either += is || !right[i] ? 1 : 0;
      }
    }
    return both / (double) either;
  }
}

package dev.headwater.adapt.drift;

import ai.djl.engine.Engine;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import javax.imageio.ImageIO;

/**
 * Grey images through a segmentation network: the mean over pixels of the last convolution's input,
 * of the confidence and, against the mask, of the error.
 */
final class SegmentedImages implements AutoCloseable {
  private final OrtEnvironment env;
  private final OrtSession session;
  private final String input;
  private final String cut;
  private final String logits;

  SegmentedImages(Path onnx) throws IOException, OrtException {
    ModelProto.Builder tapped = ModelProto.parseFrom(Files.readAllBytes(onnx)).toBuilder();
    GraphProto.Builder graph = tapped.getGraphBuilder();
    input = graph.getInput(0).getName();
    logits = graph.getOutput(0).getName();
    cut = graph.getNode(graph.getNodeCount() - 1).getInput(0);
    graph.addOutput(ValueInfoProto.newBuilder().setName(cut));
    Engine.getEngine("OnnxRuntime"); // DJL must be the one to create the process's environment
    env = OrtEnvironment.getEnvironment();
    session = env.createSession(tapped.build().toByteArray());
  }

  RecordedStream.Row row(JsonNode record) throws IOException, OrtException {
    Raster image = grey(record.get("image"));
    Raster mask = grey(record.get("mask"));
    int width = image.getWidth();
    int pixels = width * image.getHeight();
    float[] values = image.getSamples(0, 0, width, image.getHeight(), 0, new float[pixels]);
    for (int i = 0; i < pixels; i++) {
      values[i] /= 255;
    }
    long[] shape = {1, 1, image.getHeight(), width};
    try (OnnxTensor tensor = OnnxTensor.createTensor(env, FloatBuffer.wrap(values), shape);
        OrtSession.Result result = session.run(Map.of(input, tensor))) {
      FloatBuffer scores = ((OnnxTensor) result.get(logits).orElseThrow()).getFloatBuffer();
      double confidence = 0;
      double wrong = 0;
      for (int i = 0; i < pixels; i++) {
        double margin = scores.get(pixels + i) - scores.get(i);
        confidence += 1 / (1 + Math.exp(-Math.abs(margin))) / pixels;
        boolean nucleus = mask.getSample(i % width, i / width, 0) > 0;
        wrong += nucleus == margin > 0 ? 0 : 1.0 / pixels;
      }
      return new RecordedStream.Row(
          means(((OnnxTensor) result.get(cut).orElseThrow()).getFloatBuffer(), pixels),
          confidence,
          wrong);
    }
  }

  private static float[] means(FloatBuffer features, int pixels) {
    float[] means = new float[features.remaining() / pixels];
    for (int i = 0; i < features.remaining(); i++) {
      means[i / pixels] += features.get(i) / pixels;
    }
    return means;
  }

  private static Raster grey(JsonNode png) throws IOException {
    byte[] file = Base64.getDecoder().decode(png.asText());
    return ImageIO.read(new ByteArrayInputStream(file)).getRaster();
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}

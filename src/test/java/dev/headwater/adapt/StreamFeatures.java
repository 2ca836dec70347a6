package dev.headwater.adapt;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import ai.djl.engine.Engine;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Json;
import java.awt.image.Raster;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;

/**
 * A recorded stream as its backbone sees it: features and truth by record, and the exported head.
 * Computed once by ONNX Runtime with the last Gemm's input as a second output; then read from
 * {@code target/}.
 */
public record StreamFeatures(
    List<String> headLabels, LinearHead head, List<String> truth, List<float[]> features) {
  private static final Path CACHE = Path.of("target", "features");

  public static StreamFeatures of(Path bundle) throws IOException, OrtException {
    Path cache = CACHE.resolve(bundle.getFileName() + ".features");
    Files.createDirectories(CACHE);
    try (FileChannel channel = FileChannel.open(CACHE.resolve("lock"), CREATE, WRITE)) {
      channel.lock(); // the tests run in two processes; closing gives it back
      if (!Files.exists(cache)) {
        compute(bundle).write(cache);
      }
    }
    return read(cache);
  }

  private static StreamFeatures compute(Path bundle) throws IOException, OrtException {
    ModelProto model = ModelProto.parseFrom(Files.readAllBytes(bundle.resolve("model.onnx")));
    GraphProto graph = model.getGraph();
    NodeProto gemm = graph.getNode(graph.getNodeCount() - 1);
    String cut = gemm.getInput(0);
    ModelProto.Builder tapped = model.toBuilder();
    tapped.getGraphBuilder().addOutput(ValueInfoProto.newBuilder().setName(cut));
    List<JsonNode> records = new ArrayList<>();
    for (String line : Files.readAllLines(bundle.resolve("stream.jsonl"))) {
      records.add(Json.MAPPER.readTree(line));
    }
    float[] bias = initializer(graph, gemm.getInput(2));
    LinearHead head =
        new LinearHead(
            bias.length,
            initializer(graph, gemm.getInput(1)).length / bias.length,
            initializer(graph, gemm.getInput(1)),
            bias);
    return new StreamFeatures(
        strings(Json.MAPPER.readTree(bundle.resolve("labels.json").toFile())),
        head,
        records.stream().map(r -> r.get("label").asText()).toList(),
        run(tapped.build().toByteArray(), cut, records, bundle));
  }

  private static List<float[]> run(byte[] onnx, String cut, List<JsonNode> records, Path bundle)
      throws IOException, OrtException {
    Engine.getEngine("OnnxRuntime"); // DJL must be the one to create the process's environment
    OrtEnvironment env = OrtEnvironment.getEnvironment();
    try (OrtSession.SessionOptions options = oneThread();
        OrtSession session = env.createSession(onnx, options);
        Encoder encoder =
            Files.exists(bundle.resolve("tokenizer.json"))
                ? new TextEncoder(
                    HuggingFaceTokenizer.newInstance(bundle.resolve("tokenizer.json")))
                : records.get(0).has("image") ? StreamFeatures::picture : StreamFeatures::numbers) {
      return records.parallelStream()
          .map(record -> features(session, encoder, cut, record))
          .toList();
    }
  }

  /** The records are what runs in parallel. */
  private static OrtSession.SessionOptions oneThread() throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    return options;
  }

  private static float[] features(
      OrtSession session, Encoder encoder, String cut, JsonNode record) {
    try {
      Map<String, OnnxTensor> inputs = encoder.encode(OrtEnvironment.getEnvironment(), record);
      try (OrtSession.Result result = session.run(inputs)) {
        return ((float[][]) result.get(cut).orElseThrow().getValue())[0];
      } finally {
        inputs.values().forEach(OnnxTensor::close);
      }
    } catch (OrtException e) {
      throw new IllegalStateException("cannot run record " + record.path("id"), e);
    }
  }

  private interface Encoder extends AutoCloseable {
    Map<String, OnnxTensor> encode(OrtEnvironment env, JsonNode record) throws OrtException;

    @Override
    default void close() {}
  }

  private record TextEncoder(HuggingFaceTokenizer tokenizer) implements Encoder {
    @Override
    public Map<String, OnnxTensor> encode(OrtEnvironment env, JsonNode record) throws OrtException {
      Encoding encoding = tokenizer.encode(record.get("text").asText());
      return Map.of(
          "input_ids", row(env, encoding.getIds()),
          "attention_mask", row(env, encoding.getAttentionMask()),
          "token_type_ids", row(env, encoding.getTypeIds()));
    }

    private static OnnxTensor row(OrtEnvironment env, long[] values) throws OrtException {
      return OnnxTensor.createTensor(env, LongBuffer.wrap(values), new long[] {1, values.length});
    }

    @Override
    public void close() {
      tokenizer.close();
    }
  }

  private static Map<String, OnnxTensor> numbers(OrtEnvironment env, JsonNode record)
      throws OrtException {
    JsonNode array = record.get("features");
    float[] values = new float[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).floatValue();
    }
    return Map.of(
        "features",
        OnnxTensor.createTensor(env, FloatBuffer.wrap(values), new long[] {1, values.length}));
  }

  private static Map<String, OnnxTensor> picture(OrtEnvironment env, JsonNode record)
      throws OrtException {
    Raster grey;
    try {
      byte[] file = record.get("image").binaryValue();
      grey = ImageIO.read(new ByteArrayInputStream(file)).getRaster();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    float[] values = grey.getSamples(0, 0, grey.getWidth(), grey.getHeight(), 0, (float[]) null);
    for (int i = 0; i < values.length; i++) {
      values[i] /= 255;
    }
    long[] shape = {1, 1, grey.getHeight(), grey.getWidth()};
    return Map.of("image", OnnxTensor.createTensor(env, FloatBuffer.wrap(values), shape));
  }

  static float[] initializer(GraphProto graph, String name) {
    TensorProto tensor =
        graph.getInitializerList().stream()
            .filter(t -> t.getName().equals(name))
            .findFirst()
            .orElseThrow();
    FloatBuffer buffer =
        tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    float[] values = new float[buffer.remaining()];
    buffer.get(values);
    return values;
  }

  private static List<String> strings(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }

  private void write(Path file) throws IOException {
    Path partial = file.resolveSibling(file.getFileName() + ".partial");
    try (DataOutputStream out =
        new DataOutputStream(new BufferedOutputStream(Files.newOutputStream(partial)))) {
      out.writeInt(headLabels.size());
      out.writeInt(head.dim());
      out.writeInt(truth.size());
      for (String label : headLabels) {
        out.writeUTF(label);
      }
      for (String label : truth) {
        out.writeUTF(label);
      }
      floats(out, head.weight());
      floats(out, head.bias());
      for (float[] row : features) {
        floats(out, row);
      }
    }
    Files.move(partial, file);
  }

  private static StreamFeatures read(Path file) throws IOException {
    try (DataInputStream in =
        new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
      int classes = in.readInt();
      int dim = in.readInt();
      int records = in.readInt();
      List<String> labels = strings(in, classes);
      List<String> truth = strings(in, records);
      LinearHead head =
          new LinearHead(classes, dim, floats(in, classes * dim), floats(in, classes));
      List<float[]> features = new ArrayList<>(records);
      for (int i = 0; i < records; i++) {
        features.add(floats(in, dim));
      }
      return new StreamFeatures(labels, head, truth, features);
    }
  }

  private static List<String> strings(DataInputStream in, int n) throws IOException {
    List<String> strings = new ArrayList<>(n);
    for (int i = 0; i < n; i++) {
      strings.add(in.readUTF());
    }
    return strings;
  }

  private static void floats(DataOutputStream out, float[] values) throws IOException {
    for (float value : values) {
      out.writeFloat(value);
    }
  }

  private static float[] floats(DataInputStream in, int n) throws IOException {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = in.readFloat();
    }
    return values;
  }
}

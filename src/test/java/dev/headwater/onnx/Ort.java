package dev.headwater.onnx;

import ai.djl.engine.Engine;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.headwater.onnx.graph.Numbers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Runs models in plain ONNX Runtime, to compare what they say. */
public final class Ort implements AutoCloseable {
  private static final OrtEnvironment ENVIRONMENT = environment();

  /** There is one a process, and DJL, which other tests need, insists on making it. */
  private static OrtEnvironment environment() {
    Engine.getEngine("OnnxRuntime");
    return OrtEnvironment.getEnvironment();
  }

  private final OrtSession session;

  /** A tensor's shape and content; numbers of every type as float. */
  public record Values(long[] shape, float[] floats) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Values that
          && Arrays.equals(shape, that.shape)
          && Arrays.equals(floats, that.floats);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(floats);
    }

    @Override
    public String toString() {
      return Arrays.toString(shape)
          + Arrays.toString(Arrays.copyOf(floats, Math.min(8, floats.length)));
    }
  }

  public Ort(byte[] model) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(1);
    this.session = ENVIRONMENT.createSession(model, options);
  }

  public static Map<String, OnnxTensorLike> run(byte[] model, Map<String, OnnxTensorLike> inputs)
      throws OrtException {
    try (Ort ort = new Ort(model)) {
      return ort.run(inputs);
    }
  }

  /** Outputs by name, in order; those inputs the model does not have are left out. */
  public Map<String, OnnxTensorLike> run(Map<String, OnnxTensorLike> inputs) throws OrtException {
    Map<String, OnnxTensorLike> known = new LinkedHashMap<>(inputs);
    known.keySet().retainAll(session.getInputNames());
    Map<String, OnnxTensorLike> outputs = new LinkedHashMap<>();
    OrtSession.Result result = session.run(known); // its tensors outlive this call: not closed
    for (Map.Entry<String, OnnxValue> entry : result) {
      // an output that is an input lies in that one's memory, and does not keep it
      outputs.put(
          entry.getKey(), known.getOrDefault(entry.getKey(), (OnnxTensor) entry.getValue()));
    }
    return outputs;
  }

  public static Values values(OnnxTensorLike value) {
    OnnxTensor tensor = (OnnxTensor) value;
    ByteBuffer bytes = tensor.getByteBuffer().order(ByteOrder.nativeOrder());
    int size = (int) Arrays.stream(tensor.getInfo().getShape()).reduce(1, (a, b) -> a * b);
    float[] floats = new float[size];
    for (int i = 0; i < size; i++) {
      floats[i] =
          switch (tensor.getInfo().type) {
            case FLOAT -> bytes.getFloat();
            case INT64 -> bytes.getLong();
            case BOOL -> bytes.get();
            default -> throw new IllegalStateException("unexpected " + tensor.getInfo());
          };
    }
    return new Values(tensor.getInfo().getShape(), floats);
  }

  public static OnnxTensor floats(long[] shape, float... values) throws OrtException {
    return OnnxTensor.createTensor(ENVIRONMENT, FloatBuffer.wrap(values), shape);
  }

  public static OnnxTensor longs(long[] shape, long... values) throws OrtException {
    return OnnxTensor.createTensor(ENVIRONMENT, LongBuffer.wrap(values), shape);
  }

  public static OnnxTensor noise(int seed, long... shape) throws OrtException {
    Random random = new Random(seed);
    float[] values = new float[(int) Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return floats(shape, values);
  }

  public static Map<String, OnnxTensorLike> parameters(List<Parameter> parameters)
      throws OrtException {
    Map<String, OnnxTensorLike> tensors = new LinkedHashMap<>();
    for (Parameter parameter : parameters) {
      tensors.put(parameter.name(), floats(parameter.shape(), parameter.values()));
    }
    return tensors;
  }

  /** What the whole says when run as backbone, then head: the head's outputs by name. */
  public static Map<String, OnnxTensorLike> runSplit(
      Split split, Map<String, OnnxTensorLike> inputs) throws OrtException {
    Map<String, OnnxTensorLike> given = new LinkedHashMap<>(run(split.backbone(), inputs));
    given.putAll(parameters(split.parameters()));
    return run(split.head(), given);
  }

  /** As {@link #runSplit}, with the head's weights stored in its file again. */
  static Map<String, OnnxTensorLike> runStored(Split split, Map<String, OnnxTensorLike> inputs)
      throws OrtException, InvalidProtocolBufferException {
    ModelProto.Builder head = ModelProto.parseFrom(split.head()).toBuilder();
    GraphProto.Builder graph = head.getGraphBuilder();
    List<ValueInfoProto> fed =
        graph.getInputList().stream()
            .filter(input -> split.features().contains(input.getName()))
            .toList();
    graph.clearInput().addAllInput(fed);
    for (Parameter parameter : split.parameters()) {
      graph.addInitializer(Numbers.tensor(parameter.name(), parameter.shape(), parameter.values()));
    }
    return run(head.build().toByteArray(), run(split.backbone(), inputs));
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}

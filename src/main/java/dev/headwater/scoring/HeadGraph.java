package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.Parameter;
import dev.headwater.onnx.Split;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The head graph that all heads of a task share.
 *
 * <p>Weights are inputs of one long-lived session, so that a swap creates and closes no session.
 * Spatial convolutions run a third slower that way. If the graph has any, each head gets its own
 * session, with its weights as initializers.
 */
final class HeadGraph implements AutoCloseable {
  private final Task task;
  private final Split split;
  private final int intraOpThreads;
  private final List<Session> sharedSession = new ArrayList<>(1);
  private final AtomicInteger loaded = new AtomicInteger();

  HeadGraph(Task task, int intraOpThreads) {
    this.task = task;
    this.split = task.split();
    this.intraOpThreads = intraOpThreads;
    if (split.parameterNames().stream()
        .map(n -> split.shape(n, 1))
        .noneMatch(HeadGraph::isSpatial)) {
      sharedSession.add(Session.load("head of " + task.name(), split.head(), intraOpThreads));
    }
  }

  private static boolean isSpatial(long[] parameter) {
    return Arrays.stream(parameter).skip(2).anyMatch(side -> side > 1);
  }

  Task task() {
    return task;
  }

  /** Returns the number of heads in native memory. */
  int loaded() {
    return loaded.get();
  }

  /**
   * Loads a head into native memory.
   *
   * @throws IllegalArgumentException if ONNX Runtime cannot load the graph with its weights
   */
  LoadedHead load(Head head) throws OrtException {
    if (sharedSession.isEmpty()) {
      List<Parameter> parameters = new ArrayList<>();
      head.tensors().forEach((n, t) -> parameters.add(new Parameter(n, t.shape(), t.values())));
      Session own = Session.load("head of " + task.name(), split.head(parameters), intraOpThreads);
      return new LoadedHead(head.info(), own, Map.of(), own::close, loaded);
    }
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    boolean complete = false;
    try {
      for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
        Tensor tensor = entry.getValue();
        tensors.put(entry.getKey(), tensor(FloatBuffer.wrap(tensor.values()), tensor.shape()));
      }
      complete = true;
    } finally {
      if (!complete) {
        tensors.values().forEach(OnnxTensor::close);
      }
    }
    return new LoadedHead(
        head.info(),
        sharedSession.get(0),
        tensors,
        () -> tensors.values().forEach(OnnxTensor::close),
        loaded);
  }

  /** Computes the logits of each record of a backbone run. */
  Logits[] logits(LoadedHead head, Features features) throws OrtException {
    Map<String, OnnxTensor> inputs = new HashMap<>(head.tensors());
    for (String name : split.features()) {
      inputs.put(name, features.at(name));
    }
    return run(head, inputs);
  }

  /** Computes logits from stored features, concatenated record by record. */
  Logits[] logits(LoadedHead head, float[] values) throws OrtException {
    return logits(head, values, task.featureShapes(), task.featureSize());
  }

  /** Computes logits from training rows, concatenated row by row. */
  Logits[] golden(LoadedHead head, float[] values) throws OrtException {
    return logits(head, values, task.rowShapes(), task.rowSize());
  }

  private Logits[] logits(LoadedHead head, float[] values, List<long[]> shapes, int size)
      throws OrtException {
    int records = values.length / size;
    List<OnnxTensor> features = new ArrayList<>();
    try {
      Map<String, OnnxTensor> inputs = new HashMap<>(head.tensors());
      int offset = 0;
      for (int i = 0; i < split.features().size(); i++) {
        long[] shape = shapes.get(i);
        int width = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
        OnnxTensor feature =
            tensor(slice(values, size, offset, width), Task.batched(records, shape));
        features.add(feature);
        inputs.put(split.features().get(i), feature);
        offset += width;
      }
      return run(head, inputs);
    } finally {
      features.forEach(OnnxTensor::close);
    }
  }

  /** Returns {@code width} values of each record, starting at {@code from}. */
  private static FloatBuffer slice(float[] values, int size, int from, int width) {
    if (width == size) {
      return FloatBuffer.wrap(values);
    }
    int records = values.length / size;
    FloatBuffer slice = FloatBuffer.allocate(records * width);
    for (int record = 0; record < records; record++) {
      slice.put(values, record * size + from, width);
    }
    return slice.flip();
  }

  private Logits[] run(LoadedHead head, Map<String, OnnxTensor> inputs) throws OrtException {
    return head.session()
        .run(
            inputs,
            List.of(split.logits()),
            result -> {
              OnnxTensor logits = (OnnxTensor) result.get(0);
              long[] shape = logits.getInfo().getShape();
              int classes = head.info().labels().size();
              if (shape.length < 2 || shape[1] != classes) {
                throw new OrtException(
                    "the head output has shape %s, expected [records, %d]"
                        .formatted(Arrays.toString(shape), classes));
              }
              return rows(head, logits.getFloatBuffer(), (int) shape[0]);
            });
  }

  private static Logits[] rows(LoadedHead head, FloatBuffer values, int records) {
    int width = values.remaining() / Math.max(1, records);
    Logits[] rows = new Logits[records];
    for (int i = 0; i < records; i++) {
      float[] row = new float[width];
      values.get(row);
      rows[i] = new Logits(head.info(), head.serial(), row);
    }
    return rows;
  }

  private static OnnxTensor tensor(FloatBuffer values, long[] shape) throws OrtException {
    return OnnxTensor.createTensor(Session.ENVIRONMENT, values, shape);
  }

  @Override
  public void close() {
    sharedSession.forEach(Session::close);
  }
}

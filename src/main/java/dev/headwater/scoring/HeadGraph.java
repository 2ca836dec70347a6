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
 * What a task's heads have in common: the graph, and where its features come from.
 *
 * <p>Weights are fed to one long-lived session, so that a swap makes and closes none. Only where
 * spatial convolutions are among them, which run a third slower that way, has each head a session
 * of its own, with its weights inside.
 */
final class HeadGraph implements AutoCloseable {
  private final Task task;
  private final Split split;
  private final int intraOpThreads;
  private final List<Session> shared = new ArrayList<>(1);
  private final AtomicInteger loaded = new AtomicInteger();

  HeadGraph(Task task, int intraOpThreads) {
    this.task = task;
    this.split = task.split();
    this.intraOpThreads = intraOpThreads;
    if (split.parameterNames().stream().map(n -> split.shape(n, 1)).noneMatch(HeadGraph::spatial)) {
      shared.add(Session.load("head of " + task.name(), split.head(), intraOpThreads));
    }
  }

  private static boolean spatial(long[] parameter) {
    return Arrays.stream(parameter).skip(2).anyMatch(side -> side > 1);
  }

  Task task() {
    return task;
  }

  /** Heads in native memory. */
  int loaded() {
    return loaded.get();
  }

  /**
   * @throws IllegalArgumentException where its weights do not make a network that can be run
   */
  LoadedHead load(Head head) throws OrtException {
    if (shared.isEmpty()) {
      List<Parameter> parameters = new ArrayList<>();
      head.tensors().forEach((n, t) -> parameters.add(new Parameter(n, t.shape(), t.values())));
      Session own = Session.load("head of " + task.name(), split.head(parameters), intraOpThreads);
      return new LoadedHead(head.info(), own, Map.of(), own::close, loaded);
    }
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    boolean made = false;
    try {
      for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
        Tensor tensor = entry.getValue();
        tensors.put(entry.getKey(), tensor(FloatBuffer.wrap(tensor.values()), tensor.shape()));
      }
      made = true;
    } finally {
      if (!made) {
        tensors.values().forEach(OnnxTensor::close);
      }
    }
    return new LoadedHead(
        head.info(),
        shared.get(0),
        tensors,
        () -> tensors.values().forEach(OnnxTensor::close),
        loaded);
  }

  /** What a head says of the records whose features these are. */
  Logits[] logits(LoadedHead head, Features at) throws OrtException {
    Map<String, OnnxTensor> inputs = new HashMap<>(head.tensors());
    for (String name : split.features()) {
      inputs.put(name, at.at(name));
    }
    return run(head, inputs);
  }

  /** What it says of features computed before, of one record after the other. */
  Logits[] logits(LoadedHead head, float[] values) throws OrtException {
    return logits(head, values, task.featureShapes(), task.featureSize());
  }

  /** What it says of the rows a head is trained on. */
  Logits[] golden(LoadedHead head, float[] values) throws OrtException {
    return logits(head, values, task.rowShapes(), task.rowSize());
  }

  private Logits[] logits(LoadedHead head, float[] values, List<long[]> shapes, int size)
      throws OrtException {
    int records = values.length / size;
    List<OnnxTensor> features = new ArrayList<>();
    try {
      Map<String, OnnxTensor> inputs = new HashMap<>(head.tensors());
      int at = 0;
      for (int i = 0; i < split.features().size(); i++) {
        long[] shape = shapes.get(i);
        int width = (int) Arrays.stream(shape).reduce(1, Math::multiplyExact);
        OnnxTensor feature = tensor(part(values, size, at, width), Task.batched(records, shape));
        features.add(feature);
        inputs.put(split.features().get(i), feature);
        at += width;
      }
      return run(head, inputs);
    } finally {
      features.forEach(OnnxTensor::close);
    }
  }

  /** Of each record of this size the values from {@code from} on. */
  private static FloatBuffer part(float[] values, int size, int from, int width) {
    if (width == size) {
      return FloatBuffer.wrap(values);
    }
    int records = values.length / size;
    FloatBuffer part = FloatBuffer.allocate(records * width);
    for (int record = 0; record < records; record++) {
      part.put(values, record * size + from, width);
    }
    return part.flip();
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
                    "the head gives %s where [records, %d] is due"
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
    shared.forEach(Session::close);
  }
}

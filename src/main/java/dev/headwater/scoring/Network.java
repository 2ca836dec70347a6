package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.headwater.bundle.ModelInput;
import dev.headwater.onnx.Split;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The two sessions of a bundle: records to features, features and weights to logits. */
final class Network implements AutoCloseable {
  private final Session backbone;
  private final Session head;
  private final String features;
  private final String logits;
  private final int dim;

  /**
   * @param features [records][dim]
   * @param logits of each head asked for, in that order: [heads][records]
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Batch(float[][] features, Logits[][] logits) {
    /** Null for a head that was not asked. */
    @Nullable Logits logits(int head, int record) {
      return head < 0 ? null : logits[head][record];
    }
  }

  Network(Split split, int intraOpThreads) {
    features = split.features().get(0);
    logits = split.logits();
    dim = split.dim();
    backbone = Session.load("backbone", split.backbone(), intraOpThreads);
    try {
      head = Session.load("head", split.head(), intraOpThreads);
    } catch (IllegalArgumentException e) {
      backbone.close();
      throw e;
    }
  }

  /** One pass of the backbone, then each head on the features where they lie. */
  Batch run(List<ModelInput> inputs, List<LoadedHead> heads) throws OrtException {
    Map<String, OnnxTensor> tensors = new HashMap<>();
    try {
      for (ModelInput input : inputs) {
        tensors.put(input.name(), tensor(input));
      }
      return backbone.run(tensors, features, out -> new Batch(rows(out, dim), apply(heads, out)));
    } finally {
      tensors.values().forEach(OnnxTensor::close);
    }
  }

  private Logits[][] apply(List<LoadedHead> heads, OnnxTensor at) throws OrtException {
    Logits[][] all = new Logits[heads.size()][];
    for (int i = 0; i < all.length; i++) {
      all[i] = logits(heads.get(i), at);
    }
    return all;
  }

  /** What a head says of features computed before, [rows][dim] one after the other. */
  Logits[] logits(LoadedHead loaded, float[] values) throws OrtException {
    long[] shape = {values.length / dim, dim};
    try (OnnxTensor at =
        OnnxTensor.createTensor(Session.ENVIRONMENT, FloatBuffer.wrap(values), shape)) {
      return logits(loaded, at);
    }
  }

  private Logits[] logits(LoadedHead loaded, OnnxTensor at) throws OrtException {
    Map<String, OnnxTensor> inputs = new HashMap<>(loaded.tensors());
    inputs.put(features, at);
    float[][] rows = head.run(inputs, logits, out -> rows(out, loaded.info().labels().size()));
    return Arrays.stream(rows)
        .map(row -> new Logits(loaded.info(), loaded.serial(), row))
        .toArray(Logits[]::new);
  }

  private OnnxTensor tensor(ModelInput input) throws OrtException {
    return input.data() instanceof FloatBuffer floats
        ? OnnxTensor.createTensor(Session.ENVIRONMENT, floats, input.shape())
        : OnnxTensor.createTensor(Session.ENVIRONMENT, (LongBuffer) input.data(), input.shape());
  }

  private static float[][] rows(OnnxTensor tensor, int width) throws OrtException {
    long[] shape = tensor.getInfo().getShape();
    if (shape.length != 2 || shape[1] != width) {
      throw new OrtException(
          "the network gives " + Arrays.toString(shape) + " where [records, " + width + "] is due");
    }
    FloatBuffer values = tensor.getFloatBuffer();
    List<float[]> rows = new ArrayList<>((int) shape[0]);
    for (int i = 0; i < shape[0]; i++) {
      float[] row = new float[width];
      values.get(row);
      rows.add(row);
    }
    return rows.toArray(float[][]::new);
  }

  @Override
  public void close() {
    backbone.close();
    head.close();
  }
}

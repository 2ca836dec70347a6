package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A head's weights in native memory. Counted: whoever takes one gives it back, and the tensors go
 * with the last user, never before.
 */
final class LoadedHead {
  private static final AtomicLong SERIALS = new AtomicLong();

  private final HeadInfo info;
  private final Map<String, OnnxTensor> tensors;
  private final AtomicInteger loaded;
  private final AtomicInteger users = new AtomicInteger(1);
  private final long serial = SERIALS.incrementAndGet();

  private LoadedHead(HeadInfo info, Map<String, OnnxTensor> tensors, AtomicInteger loaded) {
    this.info = info;
    this.tensors = tensors;
    this.loaded = loaded;
    loaded.incrementAndGet();
  }

  /**
   * @param loaded counts the heads in native memory
   */
  static LoadedHead load(Head head, AtomicInteger loaded) throws OrtException {
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    try {
      for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
        FloatBuffer values = FloatBuffer.wrap(entry.getValue().values());
        tensors.put(
            entry.getKey(),
            OnnxTensor.createTensor(Session.ENVIRONMENT, values, entry.getValue().shape()));
      }
    } catch (OrtException e) {
      tensors.values().forEach(OnnxTensor::close);
      throw e;
    }
    return new LoadedHead(head.info(), tensors, loaded);
  }

  HeadInfo info() {
    return info;
  }

  /** Unlike the version, never the same for two loads. */
  long serial() {
    return serial;
  }

  /** To be used between {@link #retain} and {@link #release} only. */
  Map<String, OnnxTensor> tensors() {
    return tensors;
  }

  /** False where the last user is gone already. */
  boolean retain() {
    return users.getAndUpdate(n -> n == 0 ? 0 : n + 1) > 0;
  }

  void release() {
    if (users.decrementAndGet() == 0) {
      tensors.values().forEach(OnnxTensor::close);
      loaded.decrementAndGet();
    }
  }
}

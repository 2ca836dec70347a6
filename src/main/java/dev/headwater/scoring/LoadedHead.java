package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import dev.headwater.schema.HeadInfo;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A head's weights in native memory. Counted: whoever takes one gives it back, and the memory goes
 * with the last user, never before.
 */
final class LoadedHead {
  private static final AtomicLong SERIALS = new AtomicLong();

  private final HeadInfo info;
  private final Session session;
  private final Map<String, OnnxTensor> tensors;
  private final Runnable free;
  private final AtomicInteger loaded;
  private final AtomicInteger users = new AtomicInteger(1);
  private final long serial = SERIALS.incrementAndGet();

  /**
   * @param session to run it in
   * @param tensors to feed beside the features
   * @param free run when the last user is gone
   * @param loaded counts the heads in native memory
   */
  LoadedHead(
      HeadInfo info,
      Session session,
      Map<String, OnnxTensor> tensors,
      Runnable free,
      AtomicInteger loaded) {
    this.info = info;
    this.session = session;
    this.tensors = tensors;
    this.free = free;
    this.loaded = loaded;
    loaded.incrementAndGet();
  }

  HeadInfo info() {
    return info;
  }

  /** Unlike the version, never the same for two loads. */
  long serial() {
    return serial;
  }

  /** To be used between {@link #retain} and {@link #release} only, as {@link #tensors}. */
  Session session() {
    return session;
  }

  Map<String, OnnxTensor> tensors() {
    return tensors;
  }

  /** False where the last user is gone already. */
  boolean retain() {
    return users.getAndUpdate(n -> n == 0 ? 0 : n + 1) > 0;
  }

  void release() {
    if (users.decrementAndGet() == 0) {
      free.run();
      loaded.decrementAndGet();
    }
  }
}

package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import dev.headwater.schema.HeadInfo;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A head in native memory, with a reference count. Each user retains and releases it; the memory is
 * freed after the last release.
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
   * @param session session that runs the head
   * @param tensors weights to pass with the features
   * @param free frees the native memory; called after the last release
   * @param loaded counter of heads in native memory
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

  /** Returns a number that, unlike the version, is unique per load. */
  long serial() {
    return serial;
  }

  /** Returns the session; valid only between {@link #retain} and {@link #release}. */
  Session session() {
    return session;
  }

  /** Returns the weights; valid only between {@link #retain} and {@link #release}. */
  Map<String, OnnxTensor> tensors() {
    return tensors;
  }

  /** Adds a user; returns false if the head was already freed. */
  boolean retain() {
    return users.getAndUpdate(n -> n == 0 ? 0 : n + 1) > 0;
  }

  /** Removes a user, and frees the head after the last one. */
  void release() {
    if (users.decrementAndGet() == 0) {
      free.run();
      loaded.decrementAndGet();
    }
  }
}

package dev.headwater.scoring;

import ai.onnxruntime.OrtException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RejectedHeadException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The live head of a task, its canary if there is one, and the frozen head if the comparison is on.
 * Thread-safe.
 */
final class LiveHeads implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LiveHeads.class);

  private final HeadGraph graph;
  private final HeadCheck check;
  private final ScoringSettings settings;
  private final ScorerMetrics metrics;
  private final AtomicReference<@Nullable LoadedHead> live = new AtomicReference<>();
  private final AtomicReference<@Nullable LoadedHead> frozen = new AtomicReference<>();
  private final AtomicReference<@Nullable Canary> canary = new AtomicReference<>();
  private volatile boolean closed;

  private record Canary(LoadedHead head, double share) {
    boolean serves(byte[] key) {
      return KeyHash.selects(key, head.info().version(), share);
    }
  }

  LiveHeads(HeadGraph graph, ScoringSettings settings, ScorerMetrics metrics) {
    this.graph = graph;
    this.settings = settings;
    this.metrics = metrics;
    check = new HeadCheck(graph.task());
  }

  /** Validates and warms up a head, and makes it live. The swap is atomic for scoring threads. */
  synchronized void install(Head head) throws RejectedHeadException {
    if (closed) {
      throw new IllegalStateException("scoring is closed");
    }
    long start = System.nanoTime();
    check.check(head);
    LoadedHead next = load(head);
    if (settings.compareFrozen() && frozen.get() == null && next.retain()) {
      frozen.set(next);
    }
    release(live.getAndSet(next));
    HeadInfo info = head.info();
    metrics.swapped(info.task(), info.version(), Duration.ofNanos(System.nanoTime() - start));
    LOG.atInfo()
        .addKeyValue("task", info.task())
        .addKeyValue("version", info.version())
        .addKeyValue("labels", info.labels().size())
        .log("head swapped");
  }

  /**
   * Validates and warms up a head, and lets it serve a fraction of the keys.
   *
   * @throws RejectedHeadException if it must not serve; nothing changes
   */
  synchronized void canary(Head head, double share) throws RejectedHeadException {
    if (closed) {
      throw new IllegalStateException("scoring is closed");
    }
    check.check(head);
    swapCanary(new Canary(load(head), share));
    LOG.atInfo()
        .addKeyValue("task", head.info().task())
        .addKeyValue("version", head.info().version())
        .addKeyValue("share", share)
        .log("canary started");
  }

  /** Ends the canary: the live head serves all keys again. */
  synchronized void endCanary() {
    swapCanary(null);
  }

  private void swapCanary(@Nullable Canary next) {
    Canary old = canary.getAndSet(next);
    if (next != null) {
      metrics.canary(graph.task().name(), next.head().info().version(), next.share());
    } else if (old != null) {
      metrics.canary(graph.task().name(), old.head().info().version(), 0);
    }
    release(old == null ? null : old.head());
  }

  private LoadedHead load(Head head) throws RejectedHeadException {
    LoadedHead next = null;
    boolean valid = false;
    try {
      next = graph.load(head);
      if (head.goldenFeatures().values().length > 0) {
        check.compare(graph.golden(next, head.goldenFeatures().values()), head.goldenLogits());
      }
      // warm-up: the first run of a shape allocates memory, which records should not wait for
      int batch = graph.task().tiling().isPresent() ? 1 : settings.batchSize();
      graph.logits(next, new float[batch * graph.task().featureSize()]);
      valid = true;
      return next;
    } catch (OrtException | IllegalArgumentException e) {
      throw new RejectedHeadException(
          RejectedHeadException.Cause.UNFIT,
          "The head graph fails with its weights: " + e.getMessage() + ".");
    } finally {
      if (next != null && !valid) {
        next.release();
      }
    }
  }

  /**
   * Retains and returns the live head; null in a cold start. The caller must release it.
   *
   * @throws IllegalStateException if scoring is closed
   */
  @Nullable LoadedHead acquireLive() {
    LoadedHead head = acquire(live);
    if (head == null && closed) {
      throw new IllegalStateException("scoring is closed");
    }
    return head;
  }

  /** Retains and returns the head that serves this key, the canary or the live head. */
  @Nullable LoadedHead acquireFor(byte[] key) {
    while (true) {
      Canary current = canary.get();
      if (current == null || !current.serves(key)) {
        return acquireLive();
      }
      if (current.head().retain()) {
        return current.head();
      }
    }
  }

  /** Retains and returns the frozen head; null if the comparison is off. */
  @Nullable LoadedHead acquireFrozen() {
    return acquire(frozen);
  }

  private static @Nullable LoadedHead acquire(AtomicReference<@Nullable LoadedHead> reference) {
    while (true) {
      LoadedHead head = reference.get();
      // retain fails only if the head was swapped out: read the reference again
      if (head == null || head.retain()) {
        return head;
      }
    }
  }

  /** Returns the metadata of the live head; null in a cold start. */
  @Nullable HeadInfo info() {
    LoadedHead head = live.get();
    return head == null ? null : head.info();
  }

  @Override
  public synchronized void close() {
    closed = true;
    release(live.getAndSet(null));
    swapCanary(null);
    release(frozen.getAndSet(null));
  }

  /** Releases a head that was acquired; ignores null. */
  static void release(@Nullable LoadedHead head) {
    if (head != null) {
      head.release();
    }
  }
}

package dev.headwater.scoring;

import ai.onnxruntime.OrtException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RefusedHeadException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A task's head that is live, the one on trial where there is one, and the one that never learns
 * where comparison is on.
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
    boolean takes(byte[] key) {
      return KeyHash.draws(key, head.info().version(), share);
    }
  }

  LiveHeads(HeadGraph graph, ScoringSettings settings, ScorerMetrics metrics) {
    this.graph = graph;
    this.settings = settings;
    this.metrics = metrics;
    check = new HeadCheck(graph.task());
  }

  /** Checks, warms and swaps. Whoever scores meanwhile sees the old head or the new one, whole. */
  synchronized void install(Head head) throws RefusedHeadException {
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
   * Checks and warms a head, and lets it answer for this share of the keys.
   *
   * @throws RefusedHeadException where it must not serve; nothing changes
   */
  synchronized void canary(Head head, double share) throws RefusedHeadException {
    if (closed) {
      throw new IllegalStateException("scoring is closed");
    }
    check.check(head);
    swapCanary(new Canary(load(head), share));
    LOG.atInfo()
        .addKeyValue("task", head.info().task())
        .addKeyValue("version", head.info().version())
        .addKeyValue("share", share)
        .log("canary serves a share of the keys");
  }

  /** The live head answers for all keys. */
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

  private LoadedHead load(Head head) throws RefusedHeadException {
    LoadedHead next = null;
    boolean accepted = false;
    try {
      next = graph.load(head);
      if (head.goldenFeatures().values().length > 0) {
        check.compare(graph.golden(next, head.goldenFeatures().values()), head.goldenLogits());
      }
      // the first run of a shape allocates: not on the clock of the records
      int batch = graph.task().tiling().isPresent() ? 1 : settings.batchSize();
      graph.logits(next, new float[batch * graph.task().featureSize()]);
      accepted = true;
      return next;
    } catch (OrtException | IllegalArgumentException e) {
      throw new RefusedHeadException(
          RefusedHeadException.Cause.UNFIT,
          "the head graph does not run with it: " + e.getMessage());
    } finally {
      if (next != null && !accepted) {
        next.release();
      }
    }
  }

  /**
   * The live head, null in a cold start; to be released.
   *
   * @throws IllegalStateException where there is none because scoring is closed
   */
  @Nullable LoadedHead takeLive() {
    LoadedHead head = take(live);
    if (head == null && closed) {
      throw new IllegalStateException("scoring is closed");
    }
    return head;
  }

  /** The head that answers for this key, null in a cold start; to be released. */
  @Nullable LoadedHead takeFor(byte[] key) {
    while (true) {
      Canary trial = canary.get();
      if (trial == null || !trial.takes(key)) {
        return takeLive();
      }
      if (trial.head().retain()) {
        return trial.head();
      }
    }
  }

  /** The head that never learns, null where there is none; to be released. */
  @Nullable LoadedHead takeFrozen() {
    return take(frozen);
  }

  private static @Nullable LoadedHead take(AtomicReference<@Nullable LoadedHead> reference) {
    while (true) {
      LoadedHead head = reference.get();
      // one that cannot be retained was swapped out since: its successor is there already
      if (head == null || head.retain()) {
        return head;
      }
    }
  }

  /** Of the live head, null in a cold start. */
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

  /** Gives back what one of the takes gave, if it gave any. */
  static void release(@Nullable LoadedHead head) {
    if (head != null) {
      head.release();
    }
  }
}

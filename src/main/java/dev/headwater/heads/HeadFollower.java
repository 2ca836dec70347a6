package dev.headwater.heads;

import dev.headwater.metrics.Health;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Topic;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.common.errors.WakeupException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows the heads topic on its own thread and passes every new live head to a sink.
 *
 * <p>Failure contract: neither records nor broker failures stop the follower.
 *
 * <ul>
 *   <li>While the broker or the topic is unavailable, it retries forever and {@link #health()} has
 *       the cause. The current live head keeps serving.
 *   <li>A pointer applies if its epoch is higher than all before, whatever version it names.
 *       Outdated pointers are skipped while catching up.
 *   <li>If a head is damaged, belongs to another backbone, or is rejected by the sink, that is
 *       reported once and the current live head keeps serving.
 *   <li>If a head is incomplete, that is reported and the pointer waits for the missing records.
 *   <li>If a canary cannot serve, that is reported and the live head serves all keys.
 *   <li>An {@link UncheckedIOException} or {@link Error} of the sink is not caused by the head. It
 *       is handled like an unavailable broker: the topic is read and applied again.
 * </ul>
 */
public final class HeadFollower implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HeadFollower.class);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration PROBE = Duration.ofSeconds(5);
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final Duration CLOSE = Duration.ofSeconds(30);

  /** Maximum number of rejections kept by key; further ones share one entry. */
  private static final int MAX_REJECTIONS = 50;

  private final Map<String, Object> kafka;
  private final Topic<String, byte[]> heads;
  private final Signatures signatures;
  private final Map<String, String> fingerprints;
  private final HeadSink sink;
  private final Thread thread = new Thread(this::run, "headwater-heads");
  private final CountDownLatch caughtUp = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile Health health = Health.down("the heads topic follower has not started");
  private volatile List<HeadInfo> versions = List.of();
  private volatile @Nullable HeadTopic activeReader;

  // only used by the follower thread; kept across connections, so that no head is installed twice
  private final Map<String, LivePointer> appliedPointers = new HashMap<>();
  private final Map<String, String> liveHeads = new TreeMap<>();
  private final Map<String, String> canaries = new HashMap<>();
  private final Map<String, Rejection> rejections = new TreeMap<>();

  /**
   * Creates a follower; call {@link #start} to start it.
   *
   * @param consumerConfig client properties; group settings are ignored
   * @param signatures verifies each record; unverified records are ignored
   * @param fingerprints fingerprint of the accepted backbone, by task
   */
  public HeadFollower(
      Map<String, Object> consumerConfig,
      Topic<String, byte[]> heads,
      Signatures signatures,
      Map<String, String> fingerprints,
      HeadSink sink) {
    this.kafka = Map.copyOf(consumerConfig);
    this.heads = heads;
    this.signatures = signatures;
    this.fingerprints = Map.copyOf(fingerprints);
    this.sink = sink;
    thread.setDaemon(true);
  }

  public void start() {
    health = Health.down("catching up with topic " + heads.name());
    thread.start();
  }

  /**
   * Waits until all records that were on the topic at the start are applied or rejected.
   *
   * @return false on timeout; {@link #health()} has the cause
   */
  public boolean awaitCaughtUp(Duration timeout) throws InterruptedException {
    return caughtUp.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Returns the health: up once caught up. Rejected heads only appear in the cause. */
  public Health health() {
    return health;
  }

  /** Returns all versions on the topic, also rejected ones, by task and ascending. */
  public List<HeadInfo> versions() {
    return versions;
  }

  @Override
  public void close() {
    closed.countDown();
    HeadTopic topic = activeReader;
    if (topic != null) {
      topic.wakeup();
    }
    try {
      if (Thread.currentThread() != thread) {
        thread.join(CLOSE.toMillis());
      }
    } catch (InterruptedException e) {
      // the thread ends by itself; the caller does not want to wait
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      do {
        connect();
      } while (!closed.await(RETRY.toMillis(), TimeUnit.MILLISECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      health = Health.down("the heads topic follower has stopped");
    }
  }

  private void connect() {
    try (HeadTopic topic =
        new HeadTopic(kafka, heads, signatures, sink::largest, this::rejectRecord)) {
      activeReader = topic;
      follow(topic);
    } catch (WakeupException e) {
      // from close(); the caller's loop ends
    } catch (RuntimeException | Error e) {
      // All causes may be temporary: broker unavailable, topic missing or recreated, authorisation,
      // full disk, too little memory for a head. The thread must survive, or no later head would
      // serve. A new consumer reads from the beginning; epochs identify outdated pointers.
      Health down =
          Health.down("following topic " + heads.name() + " failed, retrying: " + rootOf(e));
      if (!down.equals(health)) {
        log.atWarn().addKeyValue("topic", heads.name()).setCause(e).log(down.cause());
      }
      health = down;
    } finally {
      activeReader = null;
    }
  }

  private void follow(HeadTopic topic) {
    long target = topic.end();
    boolean applied = false;
    long lastProbe = System.nanoTime();
    while (closed.getCount() > 0) {
      int records = topic.poll(POLL);
      if ((records > 0 || !applied) && topic.position() >= target) {
        long read = topic.position();
        if (topic.readsAgain()) {
          target = read; // until then the store is incomplete
          applied = false;
        } else {
          apply(topic.store());
          applied = true;
        }
      }
      if (records == 0 && System.nanoTime() - lastProbe > PROBE.toNanos()) {
        probe(topic);
        lastProbe = System.nanoTime();
      }
    }
  }

  /** Detects an unavailable broker or topic, which a consumer does not report. */
  private static void probe(HeadTopic topic) {
    long end = topic.end();
    if (end < topic.position()) {
      throw new IllegalStateException(
          "end offset moved back from " + topic.position() + " to " + end);
    }
  }

  private void apply(HeadStore store) {
    for (String task : store.tasks()) {
      store.live(task).ifPresent(pointer -> apply(store, pointer));
    }
    versions = store.tasks().stream().flatMap(task -> store.versions(task).stream()).toList();
    health = Health.up(cause());
    caughtUp.countDown();
  }

  private void apply(HeadStore store, LivePointer live) {
    LivePointer before = appliedPointers.get(live.task());
    if (before != null) {
      LivePointer latest = store.latest(live.task()).orElse(live);
      // an equal epoch with another version: a recreated topic, or the loser of two writers
      if (latest.epoch() < before.epoch()
          || (latest.epoch() == before.epoch() && latest.version() != before.version())) {
        reject(
            latest,
            RejectedHeadException.Cause.STALE,
            ("The pointer to version %d is ignored: it has epoch %d, but epoch %d was read"
                    + " before.")
                .formatted(latest.version(), latest.epoch(), before.epoch()));
      }
      if (live.epoch() <= before.epoch()) {
        return;
      }
    }
    try {
      Optional<Head> head = store.head(live.task(), live.version());
      if (head.isEmpty()) {
        reject(
            live,
            RejectedHeadException.Cause.INCOMPLETE,
            ("Version %d of %s is live but incomplete: waiting for the missing records on the"
                    + " topic.")
                .formatted(live.version(), live.task()));
        return;
      }
      install(head.get(), () -> sink.accept(head.get(), live));
      liveHeads.put(
          live.task(),
          "%s: version %d, epoch %d".formatted(live.task(), live.version(), live.epoch()));
      rejections.remove(HeadKey.live(live.task()));
      applyCanary(store, live);
      appliedPointers.put(live.task(), live);
    } catch (RejectedHeadException e) {
      appliedPointers.put(live.task(), live);
      endCanary(live.task()); // any other pointer ends the canary
      reject(live, e.fault(), e.getMessage());
    }
  }

  /** Installs the canary of a pointer; if it cannot serve, the live head serves all keys. */
  private void applyCanary(HeadStore store, LivePointer live) {
    LivePointer.Canary canary = live.canary();
    String key = "canary/" + live.task();
    rejections.remove(key);
    if (canary == null) {
      endCanary(live.task());
      return;
    }
    try {
      Head head =
          store
              .head(live.task(), canary.version())
              .orElseThrow(
                  () ->
                      new RejectedHeadException(
                          RejectedHeadException.Cause.INCOMPLETE,
                          "Some of its records are missing."));
      install(head, () -> sink.canary(head, canary.share()));
      canaries.put(
          live.task(),
          ", canary version %d for %s of the keys".formatted(canary.version(), canary.share()));
    } catch (RejectedHeadException e) {
      endCanary(live.task());
      reject(key, live.task(), canary.version(), e.fault(), "Canary: " + e.getMessage());
    }
  }

  private void endCanary(String task) {
    canaries.remove(task);
    sink.endCanary(task);
  }

  private record Rejection(long version, String reason) {}

  private interface Installation {
    void run() throws RejectedHeadException;
  }

  private void install(Head head, Installation installation) throws RejectedHeadException {
    String task = head.info().task();
    long version = head.info().version();
    String fingerprint = fingerprints.get(task);
    if (!head.info().backbone().equals(fingerprint)) {
      throw new RejectedHeadException(
          RejectedHeadException.Cause.FOREIGN,
          fingerprint == null
              ? "The bundle has no task %s.".formatted(task)
              : "Version %d of %s belongs to backbone %s, expected %s."
                  .formatted(version, task, head.info().backbone(), fingerprint));
    }
    try {
      installation.run();
    } catch (UncheckedIOException e) {
      throw e; // not caused by the head: retried
    } catch (RuntimeException e) {
      // a head that makes the sink fail must neither stop the follower nor be retried
      log.atError().addKeyValue("version", version).setCause(e).log("head installation failed");
      throw new RejectedHeadException(
          RejectedHeadException.Cause.UNFIT,
          "Version %d of %s could not be installed: %s.".formatted(version, task, rootOf(e)));
    }
  }

  private void reject(LivePointer pointer, RejectedHeadException.Cause cause, String reason) {
    reject(HeadKey.live(pointer.task()), pointer.task(), pointer.version(), cause, reason);
  }

  private void rejectRecord(@Nullable String key, RejectedHeadException cause) {
    try {
      HeadKey parsed = HeadKey.parse(key);
      if (fingerprints.containsKey(parsed.task()) && rejections.size() < MAX_REJECTIONS) {
        reject(
            String.valueOf(key),
            parsed.task(),
            parsed.version(),
            cause.fault(),
            cause.getMessage());
        return;
      }
    } catch (RejectedHeadException e) {
      // reported below
    }
    // one entry for all foreign keys, because untrusted keys must not fill the memory
    reject("", "", -1, cause.fault(), cause.getMessage());
  }

  /** Reports each version and reason once, because the topic is read again after an outage. */
  private void reject(
      String key, String task, long version, RejectedHeadException.Cause cause, String reason) {
    Rejection rejection = new Rejection(version, reason);
    if (!rejection.equals(rejections.put(key, rejection))) {
      sink.rejected(task, version, cause, reason);
    }
  }

  private String cause() {
    String heads =
        liveHeads.isEmpty()
            ? "no head is live"
            : liveHeads.entrySet().stream()
                .map(each -> each.getValue() + canaries.getOrDefault(each.getKey(), ""))
                .collect(Collectors.joining("; "));
    return rejections.isEmpty()
        ? heads
        : heads
            + "; rejected: "
            + rejections.values().stream().map(Rejection::reason).collect(Collectors.joining(" "));
  }

  private static String rootOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }
}

package dev.headwater.heads;

import dev.headwater.metrics.Health;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;
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
 * Follows the heads topic on a thread of its own and hands every head that becomes live to a sink.
 *
 * <p>Nothing on the topic or about the broker ends it. While the broker or the topic is away it
 * retries for ever, {@link #health()} tells the cause and the last good head serves on. A pointer
 * counts if its epoch is higher than any before it, whatever version it names; one whose head is
 * damaged, of another backbone or turned down by the sink is reported once and leaves the last good
 * head serving; one whose head has not come yet is reported and waits for it; a canary that cannot
 * serve is reported and leaves all keys to the live head. What a sink throws that is no fault of a
 * head, an {@link UncheckedIOException} or an {@link Error}, is as a broker that is away: all is
 * read and tried again. Pointers that history has overtaken are skipped while catching up.
 */
public final class HeadFollower implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HeadFollower.class);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration PROBE = Duration.ofSeconds(5);
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final Duration CLOSE = Duration.ofSeconds(30);

  /** Beyond so many, further ones share a place. */
  private static final int REFUSALS = 50;

  private final Map<String, Object> kafka;
  private final Topic<String, byte[]> heads;
  private final Signatures signatures;
  private final Map<String, String> fingerprints;
  private final HeadSink sink;
  private final Thread thread = new Thread(this::run, "headwater-heads");
  private final CountDownLatch caughtUp = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile Health health = Health.down("the heads topic is not followed yet");
  private volatile List<HeadInfo> versions = List.of();
  private volatile @Nullable HeadTopic reading;

  // the follower's thread only; they outlive a connection, so that nothing is installed twice
  private final Map<String, LivePointer> followed = new HashMap<>();
  private final Map<String, String> serving = new TreeMap<>();
  private final Map<String, String> tried = new HashMap<>();
  private final Map<String, Refusal> refusals = new TreeMap<>();

  /**
   * @param consumerConfig client properties; group settings are ignored
   * @param signatures without which nothing on the topic counts
   * @param fingerprints by task, of the only backbones whose heads are accepted
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
    health = Health.down("topic " + heads.name() + " is being read to its end");
    thread.start();
  }

  /**
   * Waits until everything that was on the topic at the start has been applied or refused.
   *
   * @return false where the time ran out; {@link #health()} says what is in the way
   */
  public boolean awaitCaughtUp(Duration timeout) throws InterruptedException {
    return caughtUp.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
  }

  /**
   * Up while the topic is followed to its end; a refused head is told, but does not turn it down.
   */
  public Health health() {
    return health;
  }

  /** Every version on the topic, refused ones too, by task and ascending. */
  public List<HeadInfo> versions() {
    return versions;
  }

  @Override
  public void close() {
    closed.countDown();
    HeadTopic topic = reading;
    if (topic != null) {
      topic.wakeup();
    }
    try {
      if (Thread.currentThread() != thread) {
        thread.join(CLOSE.toMillis());
      }
    } catch (InterruptedException e) {
      // The thread ends by itself; the caller wants to be gone sooner.
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
      health = Health.down("the heads topic is followed no more");
    }
  }

  private void connect() {
    try (HeadTopic topic =
        new HeadTopic(kafka, heads, signatures, sink::largest, this::unreadable)) {
      reading = topic;
      follow(topic);
    } catch (WakeupException e) {
      // close() asked for it; the caller's loop ends
    } catch (RuntimeException | Error e) {
      // Broker away, topic missing or made anew, not authorised: all may pass, and until then the
      // last good head serves. So may a full disk, or the want of memory for a head: without this
      // thread no later one would ever serve. A new consumer reads from the beginning; epochs tell
      // what is old.
      Health down = Health.down("topic " + heads.name() + " cannot be followed: " + rootOf(e));
      if (!down.equals(health)) {
        log.atWarn().addKeyValue("topic", heads.name()).setCause(e).log(down.cause());
      }
      health = down;
    } finally {
      reading = null;
    }
  }

  private void follow(HeadTopic topic) {
    long target = topic.end();
    boolean settled = false;
    long probed = System.nanoTime();
    while (closed.getCount() > 0) {
      int records = topic.poll(POLL);
      if ((records > 0 || !settled) && topic.position() >= target) {
        long read = topic.position();
        if (topic.readsAgain()) {
          target = read; // half of it read again is no state of the topic
          settled = false;
        } else {
          settle(topic.store());
          settled = true;
        }
      }
      if (records == 0 && System.nanoTime() - probed > PROBE.toNanos()) {
        probe(topic);
        probed = System.nanoTime();
      }
    }
  }

  /** A consumer does not tell that its broker or topic is gone, it just returns nothing. */
  private static void probe(HeadTopic topic) {
    long end = topic.end();
    if (end < topic.position()) {
      throw new IllegalStateException(
          "it ended at offset " + topic.position() + " and now ends at " + end);
    }
  }

  private void settle(HeadStore store) {
    for (String task : store.tasks()) {
      store.live(task).ifPresent(pointer -> settle(store, pointer));
    }
    versions = store.tasks().stream().flatMap(task -> store.versions(task).stream()).toList();
    health = Health.up(cause());
    caughtUp.countDown();
  }

  private void settle(HeadStore store, LivePointer live) {
    LivePointer before = followed.get(live.task());
    if (before != null) {
      LivePointer latest = store.latest(live.task()).orElse(live);
      // an equal epoch for another version: a topic made anew, or the loser of two writers
      if (latest.epoch() < before.epoch()
          || (latest.epoch() == before.epoch() && latest.version() != before.version())) {
        refuse(
            latest,
            RefusedHeadException.Cause.STALE,
            "The pointer to version %d carries epoch %d, but epoch %d was read before: it is ignored."
                .formatted(latest.version(), latest.epoch(), before.epoch()));
      }
      if (live.epoch() <= before.epoch()) {
        return;
      }
    }
    try {
      Optional<Head> head = store.head(live.task(), live.version());
      if (head.isEmpty()) {
        refuse(
            live,
            RefusedHeadException.Cause.INCOMPLETE,
            "Version %d of %s is named live, but not all of its records have come: they are waited for."
                .formatted(live.version(), live.task()));
        return;
      }
      install(head.get(), () -> sink.accept(head.get(), live));
      serving.put(
          live.task(),
          "%s: version %d, epoch %d".formatted(live.task(), live.version(), live.epoch()));
      refusals.remove(HeadKey.live(live.task()));
      settleCanary(store, live);
      followed.put(live.task(), live);
    } catch (RefusedHeadException e) {
      followed.put(live.task(), live);
      endCanary(live.task()); // every other pointer does
      refuse(live, e.fault(), e.getMessage());
    }
  }

  /** A canary that cannot serve costs the live head nothing: it serves all keys. */
  private void settleCanary(HeadStore store, LivePointer live) {
    LivePointer.Canary canary = live.canary();
    String key = "canary/" + live.task();
    refusals.remove(key);
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
                      new RefusedHeadException(
                          RefusedHeadException.Cause.INCOMPLETE,
                          "Not all of its records are there."));
      install(head, () -> sink.canary(head, canary.share()));
      tried.put(
          live.task(),
          ", version %d for %s of the keys".formatted(canary.version(), canary.share()));
    } catch (RefusedHeadException e) {
      endCanary(live.task());
      refuse(key, live.task(), canary.version(), e.fault(), "Canary: " + e.getMessage());
    }
  }

  private void endCanary(String task) {
    tried.remove(task);
    sink.endCanary(task);
  }

  private record Refusal(long version, String reason) {}

  private interface Installation {
    void run() throws RefusedHeadException;
  }

  private void install(Head head, Installation installation) throws RefusedHeadException {
    String task = head.info().task();
    long version = head.info().version();
    String fingerprint = fingerprints.get(task);
    if (!head.info().backbone().equals(fingerprint)) {
      throw new RefusedHeadException(
          RefusedHeadException.Cause.FOREIGN,
          fingerprint == null
              ? "This bundle has no task %s.".formatted(task)
              : "Version %d of %s belongs to backbone %s, but this bundle's is %s."
                  .formatted(version, task, head.info().backbone(), fingerprint));
    }
    try {
      installation.run();
    } catch (UncheckedIOException e) {
      throw e; // no fault of the head's: tried again
    } catch (RuntimeException e) {
      // A head that breaks the sink is a bad head: it must not end the follower nor come again.
      log.atError().addKeyValue("version", version).setCause(e).log("head not installed");
      throw new RefusedHeadException(
          RefusedHeadException.Cause.UNFIT,
          "Version %d of %s could not be installed: %s.".formatted(version, task, rootOf(e)));
    }
  }

  private void refuse(LivePointer pointer, RefusedHeadException.Cause cause, String reason) {
    refuse(HeadKey.live(pointer.task()), pointer.task(), pointer.version(), cause, reason);
  }

  private void unreadable(@Nullable String key, RefusedHeadException why) {
    try {
      HeadKey parsed = HeadKey.parse(key);
      if (fingerprints.containsKey(parsed.task()) && refusals.size() < REFUSALS) {
        refuse(String.valueOf(key), parsed.task(), parsed.version(), why.fault(), why.getMessage());
        return;
      }
    } catch (RefusedHeadException e) {
      // told below
    }
    // One place for all foreign keys: nobody's mistake or malice may fill the memory.
    refuse("", "", -1, why.fault(), why.getMessage());
  }

  /** Once for each version and reason: the topic is read again after every outage. */
  private void refuse(
      String key, String task, long version, RefusedHeadException.Cause cause, String reason) {
    Refusal refusal = new Refusal(version, reason);
    if (!refusal.equals(refusals.put(key, refusal))) {
      sink.refused(task, version, cause, reason);
    }
  }

  private String cause() {
    String heads =
        serving.isEmpty()
            ? "no head is live"
            : serving.entrySet().stream()
                .map(each -> each.getValue() + tried.getOrDefault(each.getKey(), ""))
                .collect(Collectors.joining("; "));
    return refusals.isEmpty()
        ? heads
        : heads
            + "; refused: "
            + refusals.values().stream().map(Refusal::reason).collect(Collectors.joining(" "));
  }

  private static String rootOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.getMessage() == null ? root.toString() : root.getMessage();
  }
}

package dev.headwater.stream;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadFollower;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Topics;
import dev.headwater.schema.format.RegistryException;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.guard.TopicLimits;
import dev.headwater.stream.labels.LabelTopology;
import dev.headwater.stream.labels.StoreMemory;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidTxnStateException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TransactionAbortableException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.errors.MissingSourceTopicException;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The scorer: follows the heads topic, scores records and joins labels.
 *
 * <p>Failure contract:
 *
 * <ul>
 *   <li>An invalid record affects no other record.
 *   <li>While the broker is unavailable, the service retries and replaces failed stream threads.
 *   <li>If the schema registry is unavailable and a schema is not cached, the record is retried
 *       after a pause. Nothing is committed past it, and {@link #ready} is down.
 *   <li>Any other failure of a stream thread, such as a deleted topic, a missing permission or an
 *       output that the broker rejects, stops the client. The current transaction is not committed,
 *       {@link #live} reports the cause, and a restart resumes at the last commit.
 * </ul>
 */
public final class StreamService implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(StreamService.class);
  private static final Duration WAIT_INTERVAL = Duration.ofMillis(200);

  /** Backoff while the registry is unavailable: each retry causes a rebalance. */
  private static final Duration REGISTRY_BACKOFF = Duration.ofSeconds(2);

  /** Backoff and number of checks for topics that are missing in a rebalance. */
  private static final Duration TOPIC_BACKOFF = Duration.ofSeconds(1);

  private static final int TOPIC_CHECKS = 10;

  private final StreamSettings settings;
  private final Bundle bundle;
  private final Topics topics;
  private final Map<String, Object> kafka;
  private final ScorerMetrics metrics;
  private final Scoring scoring;
  private final LiveScorer scorer;
  private final HeadFollower heads;
  private final StoreMemory memory;

  private final Object lock = new Object();
  private volatile @Nullable KafkaStreams streams;
  private volatile @Nullable StreamMeters meters;
  private volatile boolean closed;
  private volatile Health starting = Health.down("not started");
  private volatile @Nullable String fatal;

  /**
   * @param kafka client properties, passed through to every client
   * @param signatures verifies the heads topic; unsigned heads are rejected if it has trusted keys
   * @throws IllegalArgumentException if ONNX Runtime cannot run the model of the bundle
   */
  public StreamService(
      StreamSettings settings,
      Bundle bundle,
      ScoringSettings scoring,
      Topics topics,
      Map<String, Object> kafka,
      Signatures signatures,
      ScorerMetrics metrics) {
    this.settings = settings;
    this.bundle = bundle;
    this.topics = topics;
    this.kafka = Map.copyOf(kafka);
    this.metrics = metrics;
    this.scoring = Scoring.load(bundle, topics.formats().records(), scoring, metrics);
    this.scorer =
        new LiveScorer(
            this.scoring, bundle.taskNames(), topics, settings, estimate(bundle), metrics);
    Map<String, String> fingerprints =
        bundle.tasks().stream().collect(Collectors.toMap(Task::name, Task::fingerprint));
    this.memory = new StoreMemory(settings.storeBytes());
    this.heads =
        new HeadFollower(
            kafka, topics.heads(), signatures, fingerprints, new Installer(this.scoring, metrics));
  }

  private static long estimate(Bundle bundle) {
    return bundle.tasks().stream().mapToLong(task -> (long) Float.BYTES * task.featureSize()).sum();
  }

  /** Registers gauges. Call before {@link #start()}. */
  public void bindTo(MeterRegistry registry) {
    StreamMeters bound = new StreamMeters(registry, topics, kafka, settings.applicationId());
    bound.gauge(
        "headwater.heads.followed",
        "",
        "1 if the heads topic is read to its end",
        heads,
        h -> h.health().up() ? 1 : 0);
    bound.gauge(
        "headwater.heads.loaded", "", "Heads in native memory", scoring, Scoring::loadedHeads);
    bound.gauge(
        "headwater.read.ahead",
        "bytes",
        "Inference results computed ahead",
        scorer,
        LiveScorer::held);
    bound.gauge(
        "headwater.partitions.scored",
        "",
        "Partitions scored by this instance",
        scorer,
        LiveScorer::partitions);
    meters = bound;
  }

  /** Returns all head versions read from the heads topic, including rejected ones. */
  public List<HeadInfo> heads() {
    return heads.versions();
  }

  /**
   * Starts without a time limit.
   *
   * @throws IllegalStateException if a topic is missing or the service is closed
   */
  public void start() {
    start(() -> false);
  }

  /**
   * Starts and returns once scoring runs; the label join may still be restoring its stores. Retries
   * while the broker is unavailable or the heads topic cannot be read; {@link #ready} reports the
   * cause.
   *
   * @param cancelled whether to give up; nothing is started then
   * @throws IllegalStateException if a topic is missing or the service is closed
   */
  public void start(BooleanSupplier cancelled) {
    Optional<Limits> limits = awaitLimits(cancelled);
    if (limits.isPresent() && awaitHeads(cancelled)) {
      score(limits.get());
    }
  }

  private void score(Limits limits) {
    ScoringTopology topology =
        new ScoringTopology(
            topics, settings, ScoringTopology.Task.of(bundle), scorer, limits, metrics);
    run(
        () -> {
          KafkaStreams client =
              new KafkaStreams(
                  topology.get(),
                  StreamProperties.of(settings, topics, kafka, limits, memory, scorer));
          client.setUncaughtExceptionHandler(this::handleFailure);
          return client;
        });
  }

  private Limits readLimits() {
    return TopicLimits.read(
        kafka,
        topics,
        StreamProperties.maxRequestSize(kafka),
        LabelTopology.changelogs(settings.applicationId()));
  }

  private Optional<Limits> awaitLimits(BooleanSupplier cancelled) {
    starting = Health.down("checking topics");
    boolean warned = false;
    while (!cancelled.getAsBoolean()) {
      requireOpen();
      try {
        return Optional.of(readLimits());
      } catch (KafkaException e) {
        if (!isRetriable(e)) {
          throw e;
        }
        starting = Health.down("the broker does not answer: " + rootOf(e));
        if (!warned) {
          log.atWarn().log("{}; retrying", starting.cause());
        }
        warned = true;
      }
    }
    return Optional.empty();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the scorer was closed during start");
    }
  }

  private static boolean isRetriable(Throwable failure) {
    return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
        .anyMatch(RetriableException.class::isInstance);
  }

  private boolean awaitHeads(BooleanSupplier cancelled) {
    starting = Health.down("catching up with the heads topic");
    heads.start();
    try {
      while (!heads.awaitCaughtUp(WAIT_INTERVAL)) {
        requireOpen();
        if (cancelled.getAsBoolean()) {
          return false;
        }
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while catching up with the heads topic", e);
    }
  }

  private void run(Supplier<KafkaStreams> clients) {
    KafkaStreams client;
    synchronized (lock) {
      requireOpen();
      client = startClient(clients);
      streams = client;
    }
    StreamMeters bound = meters;
    if (bound != null) {
      bound.started(client);
    }
    log.atInfo()
        .addKeyValue("application", settings.applicationId())
        .addKeyValue("heads", versions())
        .log("scoring started");
  }

  /**
   * Starts a client. If a state store cannot be opened, which happens after a crash during its
   * creation, deletes the local state and starts again: the changelog topics hold all of it.
   */
  private KafkaStreams startClient(Supplier<KafkaStreams> clients) {
    KafkaStreams client = clients.get();
    try {
      client.start();
      return client;
    } catch (ProcessorStateException e) {
      log.atWarn()
          .setCause(e)
          .addKeyValue("directory", settings.stateDir())
          .log("state stores cannot be opened; restoring them from their changelogs");
      client.close();
      client.cleanUp();
    }
    KafkaStreams second = clients.get();
    second.start();
    return second;
  }

  private StreamThreadExceptionResponse handleFailure(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof RegistryException) {
        log.atWarn().log("{}; retrying in {}", cause.getMessage(), REGISTRY_BACKOFF);
        LockSupport.parkNanos(REGISTRY_BACKOFF.toNanos());
        return StreamThreadExceptionResponse.REPLACE_THREAD;
      }
      if (cause instanceof RetriableException
          || isTransactionAborted(cause)
          || (cause instanceof MissingSourceTopicException && topicsExist())) {
        log.atWarn().setCause(failure).log("stream thread failed; replacing it");
        return StreamThreadExceptionResponse.REPLACE_THREAD;
      }
    }
    fatal = rootOf(failure);
    log.atError().setCause(failure).log("scoring stopped");
    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
  }

  /**
   * Returns whether the coordinator has aborted the transaction, so that a new thread can resume at
   * the last commit. A producer that stalls before a commit gets this error after the transaction
   * timeout; Kafka Streams itself handles only fenced producers.
   */
  private static boolean isTransactionAborted(Throwable cause) {
    return cause instanceof InvalidTxnStateException
        || cause instanceof TransactionAbortableException;
  }

  /**
   * Returns whether the topics exist after all. A restarted broker may report incomplete metadata
   * to a rebalance, so this checks for a while.
   */
  private boolean topicsExist() {
    for (int i = 0; i < TOPIC_CHECKS && !closed; i++) {
      LockSupport.parkNanos(TOPIC_BACKOFF.toNanos());
      try {
        readLimits();
        return true;
      } catch (KafkaException | IllegalStateException e) {
        if (isRetriable(e)) {
          return true; // unavailable again: the replacement thread will retry
        }
        log.atDebug().log("{}; retrying in {}", e.getMessage(), TOPIC_BACKOFF);
      }
    }
    return false;
  }

  private static String rootOf(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.toString();
  }

  /** Returns the liveness: down if only a restart can help. */
  public Health live() {
    String cause = fatal;
    if (cause != null) {
      return Health.down("scoring stopped: " + cause);
    }
    KafkaStreams.State state = state();
    if (state == KafkaStreams.State.ERROR || state == KafkaStreams.State.PENDING_ERROR) {
      return Health.down("Kafka Streams is in state " + state);
    }
    if (closed) {
      return Health.down("closed");
    }
    KafkaStreams client = streams;
    int alive = client == null ? settings.threads() : client.metadataForLocalThreads().size();
    return alive < settings.threads()
        ? Health.down(
            "%d of %d stream threads are running: a failed thread could not be replaced"
                .formatted(alive, settings.threads()))
        : Health.up("heads: " + heads.health().cause());
  }

  /**
   * Returns the readiness: up if the heads topic is followed, a head serves or the bundle declares
   * a cold start, and the client is running. {@link Health#parts} has each cause. It does not wait
   * for the label join to restore its stores, because scoring runs meanwhile.
   */
  public Health ready() {
    Health live = live();
    if (!live.up()) {
      return live;
    }
    Map<String, Health> parts = new LinkedHashMap<>();
    parts.put("heads", heads.health());
    parts.put("head", head());
    topics.formats().registryAway().ifPresent(away -> parts.put("registry", Health.down(away)));
    parts.put("streams", streams());
    return Health.all(parts);
  }

  private Health head() {
    return state() == null
        ? Health.down("no live head yet: catching up with the heads topic")
        : Health.up(serving());
  }

  private Health streams() {
    KafkaStreams.State state = state();
    if (state == null) {
      return Health.down(starting.cause());
    }
    boolean isScoring = state == KafkaStreams.State.REBALANCING && scorer.partitions() > 0;
    return state == KafkaStreams.State.RUNNING || isScoring
        ? Health.up("%d partitions assigned".formatted(scorer.partitions()))
        : Health.down("no partition assigned: Kafka Streams is in state " + state);
  }

  private String serving() {
    Map<String, Long> live = versions();
    return bundle.tasks().stream()
        .map(Task::name)
        .map(
            task ->
                live.containsKey(task)
                    ? "%s: head %d is live".formatted(task, live.get(task))
                    : "%s: cold start, no head is live".formatted(task))
        .collect(Collectors.joining("; "));
  }

  private Map<String, Long> versions() {
    Map<String, Long> versions = new TreeMap<>();
    scoring.live().forEach((task, info) -> versions.put(task, info.version()));
    return versions;
  }

  private KafkaStreams.@Nullable State state() {
    KafkaStreams client = streams;
    return client == null ? null : client.state();
  }

  /** Commits processed records and stops, within the close timeout. */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
    }
    KafkaStreams client = streams;
    if (client == null || client.close(closeOptions())) {
      memory.close();
    } else {
      log.atWarn()
          .addKeyValue("timeout", settings.closeTimeout())
          .log("Kafka Streams did not close in time; uncommitted records will be reprocessed");
    }
    StreamMeters bound = meters;
    if (bound != null) {
      bound.close();
    }
    heads.close();
    // a task that is still running fails from here on, and its transaction is aborted
    scoring.close();
  }

  private CloseOptions closeOptions() {
    // a static member keeps its partitions for its return; others hand them over immediately
    boolean isStaticMember = kafka.containsKey(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG);
    return CloseOptions.timeout(settings.closeTimeout())
        .withGroupMembershipOperation(
            isStaticMember
                ? CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP
                : CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
  }
}

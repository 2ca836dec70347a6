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
 * The scorer: follows the heads, scores the records, joins the labels. Construct, start, close.
 *
 * <p>Failure contract: a bad record costs itself only. A broker that is away is waited for, and a
 * stream thread it killed is replaced. So is one that met a schema not known yet while the registry
 * is away, after a pause: nothing is committed past that record, which is tried again until the
 * registry answers; {@link #ready} is down meanwhile. Anything else that kills one (a topic
 * deleted, no authorisation, an output the broker refuses) stops the client with nothing committed
 * of what was in hand, and {@link #live} tells the cause: a restart goes on where it stopped.
 */
public final class StreamService implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(StreamService.class);
  private static final Duration SLICE = Duration.ofMillis(200);

  /** Between two tries: each costs the group a rebalance. */
  private static final Duration REGISTRY_PAUSE = Duration.ofSeconds(2);

  /** Between two questions for topics that a rebalance missed, and how many there are. */
  private static final Duration TOPIC_PAUSE = Duration.ofSeconds(1);

  private static final int TOPIC_TRIES = 10;

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
   * @param signatures without which no head is followed
   * @throws IllegalArgumentException where the bundle's network cannot be run
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

  /** Before the start: registers what is measured here without being counted. */
  public void bindTo(MeterRegistry registry) {
    StreamMeters bound = new StreamMeters(registry, topics, kafka, settings.applicationId());
    bound.gauge(
        "headwater.heads.followed",
        "",
        "1 while the heads topic is followed to its end",
        heads,
        h -> h.health().up() ? 1 : 0);
    bound.gauge(
        "headwater.heads.loaded", "", "Heads in native memory", scoring, Scoring::loadedHeads);
    bound.gauge("headwater.read.ahead", "bytes", "Results begun ahead", scorer, LiveScorer::held);
    bound.gauge(
        "headwater.partitions.scored",
        "",
        "Partitions scored here",
        scorer,
        LiveScorer::partitions);
    meters = bound;
  }

  /** Every head version on the heads topic as far as it is read, refused ones too. */
  public List<HeadInfo> heads() {
    return heads.versions();
  }

  /**
   * As {@link #start(BooleanSupplier)}, however long it takes.
   *
   * @throws IllegalStateException if a topic is missing, or this was closed meanwhile
   */
  public void start() {
    start(() -> false);
  }

  /**
   * Returns once scoring runs; the label join may still be restoring its stores. A broker that is
   * away, and heads that cannot be read, are waited for: {@link #ready} tells the cause.
   *
   * @param abandoned whether nobody waits for it any more: then it returns with nothing started
   * @throws IllegalStateException if a topic is missing, or this was closed meanwhile
   */
  public void start(BooleanSupplier abandoned) {
    Optional<Limits> limits = limits(abandoned);
    if (limits.isPresent() && caughtUp(abandoned)) {
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
          client.setUncaughtExceptionHandler(this::failed);
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

  private Optional<Limits> limits(BooleanSupplier abandoned) {
    starting = Health.down("the topics are being checked");
    boolean told = false;
    while (!abandoned.getAsBoolean()) {
      requireOpen();
      try {
        return Optional.of(readLimits());
      } catch (KafkaException e) {
        if (!passes(e)) {
          throw e;
        }
        starting = Health.down("the broker does not answer: " + rootOf(e));
        if (!told) {
          log.atWarn().log("{}; it is waited for", starting.cause());
        }
        told = true;
      }
    }
    return Optional.empty();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("closed while it was starting");
    }
  }

  private static boolean passes(Throwable failure) {
    return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
        .anyMatch(RetriableException.class::isInstance);
  }

  private boolean caughtUp(BooleanSupplier abandoned) {
    starting = Health.down("the heads are being caught up with");
    heads.start();
    try {
      while (!heads.awaitCaughtUp(SLICE)) {
        requireOpen();
        if (abandoned.getAsBoolean()) {
          return false;
        }
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the heads were caught up with", e);
    }
  }

  private void run(Supplier<KafkaStreams> clients) {
    KafkaStreams client;
    synchronized (lock) {
      requireOpen();
      client = started(clients);
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
   * A process killed while it made a store leaves one that nobody can open, and would be started
   * again and again for nothing. All that stores hold is on their changelogs, too.
   */
  private KafkaStreams started(Supplier<KafkaStreams> clients) {
    KafkaStreams client = clients.get();
    try {
      client.start();
      return client;
    } catch (ProcessorStateException e) {
      log.atWarn()
          .setCause(e)
          .addKeyValue("directory", settings.stateDir())
          .log("stores cannot be opened: deleted, to be restored from their changelogs");
      client.close();
      client.cleanUp();
    }
    KafkaStreams second = clients.get();
    second.start();
    return second;
  }

  private StreamThreadExceptionResponse failed(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof RegistryException) {
        log.atWarn().log("{}; tried again in {}", cause.getMessage(), REGISTRY_PAUSE);
        LockSupport.parkNanos(REGISTRY_PAUSE.toNanos());
        return StreamThreadExceptionResponse.REPLACE_THREAD;
      }
      if (cause instanceof RetriableException
          || undone(cause)
          || (cause instanceof MissingSourceTopicException && topicsAreThere())) {
        log.atWarn().setCause(failure).log("stream thread replaced");
        return StreamThreadExceptionResponse.REPLACE_THREAD;
      }
    }
    fatal = rootOf(failure);
    log.atError().setCause(failure).log("scoring stopped");
    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
  }

  /**
   * Whether the coordinator has nothing more to do with a transaction, so that whoever begins at
   * the last commit goes on. Kafka Streams gives up there, for it knows only fenced producers: one
   * that was held up before a commit, until the coordinator aborted for it, is told of an invalid
   * state.
   */
  private static boolean undone(Throwable cause) {
    return cause instanceof InvalidTxnStateException
        || cause instanceof TransactionAbortableException;
  }

  /**
   * A broker that has just come back may tell a rebalance of fewer topics than it has. Asked again
   * for a while, it knows them, or they are gone.
   */
  private boolean topicsAreThere() {
    for (int i = 0; i < TOPIC_TRIES && !closed; i++) {
      LockSupport.parkNanos(TOPIC_PAUSE.toNanos());
      try {
        readLimits();
        return true;
      } catch (KafkaException | IllegalStateException e) {
        if (passes(e)) {
          return true; // away once more: that is waited for by whoever takes over
        }
        log.atDebug().log("{}; asked again in {}", e.getMessage(), TOPIC_PAUSE);
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

  /** Down once only a restart can help. */
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
            "%d of %d stream threads are left: no other could take the place of what ended"
                .formatted(alive, settings.threads()))
        : Health.up("heads: " + heads.health().cause());
  }

  /**
   * Up while the heads are followed, a head or a declared cold start serves, and records are scored
   * here, or there are none to score; each with its own cause in {@link Health#parts}. It does not
   * wait for the label join to restore its stores: scoring runs meanwhile.
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
    parts.put("streams", scored());
    return Health.all(parts);
  }

  /** Up with a valid head, or in a cold start that the bundle declares: a head has been told. */
  private Health head() {
    return state() == null
        ? Health.down("which head serves is known once the heads are caught up with")
        : Health.up(serving());
  }

  private Health scored() {
    KafkaStreams.State state = state();
    if (state == null) {
      return Health.down(starting.cause());
    }
    boolean scores = state == KafkaStreams.State.REBALANCING && scorer.partitions() > 0;
    return state == KafkaStreams.State.RUNNING || scores
        ? Health.up("%d partitions scored here".formatted(scorer.partitions()))
        : Health.down("no partition is scored here yet: Kafka Streams is in state " + state);
  }

  private String serving() {
    Map<String, Long> live = versions();
    return bundle.tasks().stream()
        .map(Task::name)
        .map(
            task ->
                live.containsKey(task)
                    ? "%s: head %d is live".formatted(task, live.get(task))
                    : "%s: cold start: no head yet, every record is unsure".formatted(task))
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

  /** Commits what is done and stops, within the close timeout. */
  @Override
  public void close() {
    synchronized (lock) {
      if (closed) {
        return;
      }
      closed = true;
    }
    KafkaStreams client = streams;
    if (client == null || client.close(closing())) {
      memory.close();
    } else {
      log.atWarn()
          .addKeyValue("timeout", settings.closeTimeout())
          .log("stream threads did not stop in time: what they hold is not committed");
    }
    StreamMeters bound = meters;
    if (bound != null) {
      bound.close();
    }
    heads.close();
    // a task that still runs fails from here on, and its transaction with it
    scoring.close();
  }

  private CloseOptions closing() {
    // a static member comes back under its id; any other leaves at once for the rest to take over
    boolean comesBack = kafka.containsKey(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG);
    return CloseOptions.timeout(settings.closeTimeout())
        .withGroupMembershipOperation(
            comesBack
                ? CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP
                : CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
  }
}

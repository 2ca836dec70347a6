package dev.headwater.config;

import dev.headwater.schema.format.Format;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Every configuration key and its default, as written in the YAML file. Public only because
 * SmallRye generates the implementation in another package.
 *
 * <p>{@code name}, {@code bundle.directory} and {@code kafka.bootstrap.servers} are required; the
 * last is not needed by {@code replay} with an embedded broker, {@code bench} and {@code topics
 * acls}. Each key is also an environment variable: {@code stream.label-wait} is {@code
 * HEADWATER_STREAM_LABEL_WAIT}. {@code ${NAME}} in a value is replaced by the environment variable
 * {@code NAME}. Durations are a number and a unit: {@code 250ms}, {@code 10s}, {@code 5m}, {@code
 * 24h}, {@code 7d}.
 *
 * <p>Two sections are passed through. {@code kafka} holds Kafka client properties under Kafka's own
 * names: TLS, SASL, config providers. {@code registry} holds the properties of the schema registry
 * client, such as {@code url}, {@code auto.register.schemas}, {@code basic.auth.user.info} or
 * {@code bearer.auth.token}, and {@code ssl.*} as for Kafka. The registry must support the API of
 * the Confluent Schema Registry (Apicurio: {@code http://host:8080/apis/ccompat/v7}).
 *
 * <p>{@code kafka.group.instance.id} enables static membership; it requires {@code
 * stream.group-protocol: classic} and a different value for each instance of {@code serve}. An
 * instance that returns within {@code session.timeout.ms} (45s) gets its partitions back at once,
 * and no other instance is rebalanced. The partitions of an instance that does not return are not
 * processed for that long. Use it for instances that keep name and {@code state-dir}, as in a
 * StatefulSet, not with autoscaling.
 */
@ConfigMapping(prefix = SettingsLoader.PREFIX)
public interface RawConfig {
  /**
   * Name of the deployment: the consumer group, and the prefix of topics and transactional ids.
   * Required.
   */
  String name();

  /**
   * Directory of the state stores of the label join. Keep it across restarts: without it, the
   * stores are restored from their changelog topics, and a transaction that was open at a crash can
   * stall read-committed consumers for seconds.
   */
  @WithDefault("state")
  Path stateDir();

  Bundle bundle();

  Topics topics();

  Formats formats();

  Scoring scoring();

  Stream stream();

  Selection selection();

  Heads heads();

  RawAdapt adapt();

  Drift drift();

  RawGate gate();

  RawReplay replay();

  /**
   * Overrides of {@code selection} and {@code gate} keys for single tasks, by task name as in the
   * bundle. A key that is absent here takes the general value.
   */
  Map<String, RawTask> tasks();

  Http http();

  /** Location of the model bundle. */
  interface Bundle {
    /** Directory of the bundle: paths in the manifest are relative to it. Required. */
    Path directory();

    /**
     * Path of the bundle manifest. Defaults to {@code headwater.yaml} in {@code bundle.directory}.
     */
    Optional<Path> manifest();
  }

  /**
   * Topic names, partition counts and retention. Retention of the records, predictions, review,
   * labels and dead-letters topics is the broker default.
   */
  interface Topics {
    /** Input topics; one or more. Defaults to {@code <name>-records}. */
    Optional<List<String>> records();

    /** Topic for predictions. Defaults to {@code <name>-predictions}. */
    Optional<String> predictions();

    /**
     * Topic for label requests: low-confidence and audit records that have no label yet. Defaults
     * to {@code <name>-review}.
     */
    Optional<String> review();

    /** Topic from which labels are read. Defaults to {@code <name>-labels}. */
    Optional<String> labels();

    /** Internal topic for records that wait for a label. Defaults to {@code <name>-pending}. */
    Optional<String> pending();

    /** Internal topic for labels, keyed by record id. Defaults to {@code <name>-labels-by-id}. */
    Optional<String> labelsById();

    /**
     * Topic for samples: features with or without a label, read by the trainer. Defaults to {@code
     * <name>-samples}.
     */
    Optional<String> samples();

    /**
     * Compacted topic for head versions and live-head pointers. Defaults to {@code <name>-heads}.
     */
    Optional<String> heads();

    /** Topic for records that cannot be processed. Defaults to {@code <name>-dead-letters}. */
    Optional<String> deadLetters();

    /**
     * Partitions of newly created records, predictions, review, labels and dead-letters topics, at
     * least 1. May be increased later.
     */
    @WithDefault("4")
    @WithConverter(Converters.Positive.class)
    int partitions();

    /**
     * Partitions of the pending, labels-by-id and samples topics, at least 1. Fixed for the life of
     * a deployment, because the label join keeps state per partition.
     */
    @WithDefault("4")
    @WithConverter(Converters.Positive.class)
    int joinPartitions();

    /**
     * Replication factor of newly created topics, at least 1. {@code -1} takes the broker default.
     */
    @WithDefault("-1")
    short replicationFactor();

    /**
     * Retention of the samples topic, at least {@code 1ms}. It limits how far back the trainer can
     * rebuild its memory.
     */
    @WithDefault("30d")
    @WithConverter(Converters.Time.class)
    Duration samplesRetention();
  }

  /**
   * Serialisation formats of topics shared with other applications: {@code json}, or {@code avro}
   * in the Confluent wire format. Avro needs the {@code registry} section. {@code replay} always
   * uses JSON.
   */
  interface Formats {
    /**
     * Format of record values: {@code json} or {@code avro}. Avro fields are addressed by the same
     * JSON pointers; images may be Avro bytes.
     */
    @WithDefault("json")
    Format records();

    /** Format of label values: {@code json} or {@code avro}. */
    @WithDefault("json")
    Format labels();

    /**
     * Format of prediction values: {@code json} or {@code avro}. The Avro schema is {@code
     * schemas/prediction.avsc}, registered under the subject {@code <topic>-value}.
     */
    @WithDefault("json")
    Format predictions();
  }

  /**
   * Inference threads and batches. {@code threads} times {@code intra-op-threads} should equal the
   * number of cores.
   */
  interface Scoring {
    /** Threads of the inference pool, at least 1. Defaults to one per available core. */
    @WithConverter(Converters.Positive.class)
    Optional<Integer> threads();

    /** ONNX Runtime threads per model run, at least 1. */
    @WithDefault("1")
    @WithConverter(Converters.Positive.class)
    int intraOpThreads();

    /**
     * Maximum records per inference batch, 1 to 4096. Batches of records with equal length may be
     * larger while a run takes less than one millisecond.
     */
    @WithDefault("32")
    @WithConverter(Converters.Positive.class)
    int batchSize();

    /**
     * Whether to also compute the predictions of the frozen head, which never learns. In a cold
     * start, the frozen head is the first head promoted since the process started.
     */
    @WithDefault("false")
    @WithConverter(Converters.Flag.class)
    boolean compareFrozen();
  }

  /** Kafka Streams processor. */
  interface Stream {
    /** Kafka Streams threads, at least 1. Inference uses its own pool, {@code scoring.threads}. */
    @WithDefault("2")
    @WithConverter(Converters.Positive.class)
    int threads();

    /** Processing guarantee: {@code exactly-once-v2} or {@code at-least-once}. */
    @WithDefault("exactly-once-v2")
    dev.headwater.stream.StreamSettings.Guarantee guarantee();

    /** Rebalance protocol: {@code classic} or {@code streams} (KIP-1071). */
    @WithDefault("classic")
    dev.headwater.stream.StreamSettings.Protocol groupProtocol();

    /**
     * Interval between commits, at least {@code 1ms}. Under exactly-once it is the lower bound of
     * latency for read-committed consumers; longer intervals raise throughput.
     */
    @WithDefault("100ms")
    @WithConverter(Converters.Time.class)
    Duration commitInterval();

    /**
     * Time a producer waits to fill a batch, 0 or more; a commit ends the wait. Values shorter than
     * {@code stream.commit-interval} lower latency only with {@code at-least-once}.
     */
    @WithDefault("100ms")
    @WithConverter(Converters.Time.class)
    Duration linger();

    /**
     * Share of the considered records whose features are stored as unlabelled samples, 0 to 1. They
     * are used for drift detection, domain adaptation and pseudo-labels. If its sum with {@code
     * selection.audit-share} exceeds 1, audit samples are among them.
     */
    @WithDefault("0.3")
    @WithConverter(Converters.Share.class)
    double unlabelledShare();

    /**
     * Time a record waits for its label, and a label for its record, at least {@code 1ms}. After
     * it, they expire unmatched.
     */
    @WithDefault("3d")
    @WithConverter(Converters.Time.class)
    Duration labelWait();

    /** Number of most probable labels in a prediction, at least 1. */
    @WithDefault("3")
    @WithConverter(Converters.Positive.class)
    int topK();

    /**
     * Heap limit for results computed ahead of the stream threads, in bytes, at least 1. Records
     * beyond it are scored one at a time.
     */
    @WithDefault("268435456")
    @WithConverter(Converters.Positive.class)
    int readAheadBytes();

    /**
     * Native memory limit for all state stores of the label join together, in bytes, at least
     * 1048576 (1 MiB).
     */
    @WithDefault("134217728")
    @WithConverter(Converters.Positive.class)
    int storeBytes();

    /** Time Kafka Streams gets to close at shutdown, at least {@code 1ms}. */
    @WithDefault("30s")
    @WithConverter(Converters.Time.class)
    Duration closeTimeout();
  }

  /**
   * Selection of records for labelling. Shares refer to the records considered, which are all of
   * them up to {@code selection.max-rate}.
   */
  interface Selection {
    /**
     * Share of records selected as audit samples, 0 to 1. The choice is a hash of the record id and
     * ignores confidence.
     */
    @WithDefault("0.03")
    @WithConverter(Converters.Share.class)
    double auditShare();

    /**
     * Confidence threshold, 0 to 1. A record below it is low-confidence and requests a label while
     * the budget allows.
     */
    @WithDefault("0.95")
    @WithConverter(Converters.Share.class)
    double threshold();

    /**
     * Confidence measure: {@code max-probability}, {@code margin} (difference of the two highest
     * probabilities), or {@code entropy} (1 - entropy / log of the number of labels).
     */
    @WithDefault("max-probability")
    dev.headwater.scoring.Measure measure();

    /**
     * Near-duplicate radius, as a fraction of the typical distance between records, 0 to 1. A
     * record closer than this to one with a recent label request requests no label. {@code 0}
     * disables the search.
     */
    @WithDefault("0.05")
    @WithConverter(Converters.Share.class)
    double nearDuplicateDistance();

    /**
     * Label budget: the long-run share of records that request a label, audit samples included.
     * Must exceed {@code selection.audit-share}; {@code 1} sets no limit.
     */
    @WithDefault("0.15")
    @WithConverter(Converters.Share.class)
    double budget();

    /**
     * Label requests allowed beyond {@code selection.budget} in a burst, at least 1. The reserve is
     * full at start, and unused budget refills it. Each instance has its own reserve.
     */
    @WithDefault("600")
    @WithConverter(Converters.Positive.class)
    int budgetBurst();

    /**
     * Records in the window from which the least certain are selected, 10 to 100000. The window is
     * used while the burst reserve is almost empty or full.
     */
    @WithDefault("1000")
    @WithConverter(Converters.Positive.class)
    int budgetWindow();

    /**
     * Per-instance limit on records per second considered for labelling and samples, at least 1.
     * With n tasks each record counts n times. Above the limit, a uniform subsample is considered,
     * and all shares refer to it.
     */
    @WithDefault("10000")
    @WithConverter(Converters.Positive.class)
    int maxRate();
  }

  /** Storage and signing of head versions. */
  interface Heads {
    /**
     * Newest head versions per task whose tensors stay on the heads topic, at least 1. The live
     * head and its parent are always kept; verdicts are kept for 100 versions.
     */
    @WithDefault("10")
    @WithConverter(Converters.Positive.class)
    int keep();

    /**
     * Maximum bytes of a head in one Kafka record, at least 1. Larger heads are split into chunks;
     * the maximum and default of 1032192 fits the 1 MiB message limit of a topic.
     */
    @WithDefault("1032192")
    @WithConverter(Converters.Positive.class)
    int chunkBytes();

    /**
     * Private key that signs records on the heads topic: Ed25519, PKCS#8, unencrypted PEM. Used by
     * {@code train}, {@code heads} and {@code labels}; not set by default
     * (docs/how-to/security.md).
     */
    Optional<Path> signingKey();

    /**
     * Public keys whose signatures are accepted on the heads topic: X.509 in PEM. If set, heads
     * without a valid signature of one of them are rejected; if not set, no signature is required.
     */
    Optional<List<Path>> trustedKeys();
  }

  /**
   * Drift detectors. Windows and intervals count unlabelled samples ({@code
   * stream.unlabelled-share}); for the error rate they count audit samples.
   */
  interface Drift {
    /**
     * Average number of samples between two false alarms of a detector on a stream without drift,
     * at least 100.
     */
    @WithDefault("150000")
    @WithConverter(Converters.Positive.class)
    int falseAlarmInterval();

    /**
     * Number of samples in the reference window that recent samples are compared with, 20 to 2000.
     */
    @WithDefault("256")
    @WithConverter(Converters.Positive.class)
    int reference();

    /** Number of most recent samples in the short window, for abrupt drift, at least 4. */
    @WithDefault("10")
    @WithConverter(Converters.Positive.class)
    int shortWindow();

    /**
     * Number of most recent samples in the long window, for slight drift. At most 500, and greater
     * than {@code drift.short-window}.
     */
    @WithDefault("40")
    @WithConverter(Converters.Positive.class)
    int longWindow();
  }

  /** HTTP server for metrics, health checks and the status page. */
  interface Http {
    /** Network interface to bind. */
    @WithDefault("127.0.0.1")
    String host();

    /** Port of {@code serve}, 0 to 65535. {@code 0} selects a free port. */
    @WithDefault("8080")
    int port();

    /** Port of {@code train}, 0 to 65535. {@code 0} selects a free port. */
    @WithDefault("8081")
    int trainerPort();

    /**
     * Base URL of the trainer's HTTP server, such as {@code http://trainer:8081}. If set, the
     * status page of {@code serve} also shows the trainer's metrics.
     */
    @WithConverter(Converters.WebAddress.class)
    Optional<URI> trainer();
  }
}

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
 * The configuration file as it is written; every key and its default, and nothing else. Public only
 * because SmallRye implements it from elsewhere.
 */
@ConfigMapping(prefix = SettingsLoader.PREFIX)
public interface RawConfig {
  /** Consumer group, and prefix of topics and transactional ids. */
  String name();

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

  /** What is different for a task, by its name. */
  Map<String, RawTask> tasks();

  Http http();

  /** The model. */
  interface Bundle {
    Path directory();

    /** Absent: {@code headwater.yaml} in the directory. */
    Optional<Path> manifest();
  }

  /** Names default to {@code <name>-records} and so on. */
  interface Topics {
    Optional<List<String>> records();

    Optional<String> predictions();

    Optional<String> review();

    Optional<String> labels();

    Optional<String> pending();

    Optional<String> labelsById();

    Optional<String> samples();

    Optional<String> heads();

    Optional<String> deadLetters();

    @WithDefault("4")
    @WithConverter(Converters.Positive.class)
    int partitions();

    @WithDefault("4")
    @WithConverter(Converters.Positive.class)
    int joinPartitions();

    /** -1 leaves it to the broker. */
    @WithDefault("-1")
    short replicationFactor();

    @WithDefault("30d")
    @WithConverter(Converters.Time.class)
    Duration samplesRetention();
  }

  /** The form of what others write and read. */
  interface Formats {
    @WithDefault("json")
    Format records();

    @WithDefault("json")
    Format labels();

    @WithDefault("json")
    Format predictions();
  }

  /** How inference uses the cores. */
  interface Scoring {
    /** Absent: one a core. */
    @WithConverter(Converters.Positive.class)
    Optional<Integer> threads();

    @WithDefault("1")
    @WithConverter(Converters.Positive.class)
    int intraOpThreads();

    @WithDefault("32")
    @WithConverter(Converters.Positive.class)
    int batchSize();

    @WithDefault("false")
    @WithConverter(Converters.Flag.class)
    boolean compareFrozen();
  }

  /** How the stream processor runs. */
  interface Stream {
    @WithDefault("2")
    @WithConverter(Converters.Positive.class)
    int threads();

    @WithDefault("exactly-once-v2")
    dev.headwater.stream.StreamSettings.Guarantee guarantee();

    @WithDefault("classic")
    dev.headwater.stream.StreamSettings.Protocol groupProtocol();

    @WithDefault("100ms")
    @WithConverter(Converters.Time.class)
    Duration commitInterval();

    @WithDefault("100ms")
    @WithConverter(Converters.Time.class)
    Duration linger();

    /** Of all records, whose features go to the samples without a label. */
    @WithDefault("0.3")
    @WithConverter(Converters.Share.class)
    double unlabelledShare();

    @WithDefault("3d")
    @WithConverter(Converters.Time.class)
    Duration labelWait();

    @WithDefault("3")
    @WithConverter(Converters.Positive.class)
    int top();

    @WithDefault("268435456")
    @WithConverter(Converters.Positive.class)
    int readAheadBytes();

    @WithDefault("134217728")
    @WithConverter(Converters.Positive.class)
    int storeBytes();

    @WithDefault("30s")
    @WithConverter(Converters.Time.class)
    Duration closeTimeout();
  }

  /** Which records are worth a label. */
  interface Selection {
    @WithDefault("0.03")
    @WithConverter(Converters.Share.class)
    double auditShare();

    /** Certainty below which a record is unsure. */
    @WithDefault("0.95")
    @WithConverter(Converters.Share.class)
    double threshold();

    @WithDefault("max-probability")
    dev.headwater.scoring.Measure measure();

    /** Of the typical distance; what is closer to a record asked lately is a copy of it. */
    @WithDefault("0.05")
    @WithConverter(Converters.Share.class)
    double copyDistance();

    /** Share of records, audit included, that ask for a label in the long run; 1 for no bound. */
    @WithDefault("0.15")
    @WithConverter(Converters.Share.class)
    double budget();

    /** Labels beyond it that are there for bad times, and again once saved. */
    @WithDefault("600")
    @WithConverter(Converters.Positive.class)
    int budgetBurst();

    @WithDefault("1000")
    @WithConverter(Converters.Positive.class)
    int budgetWindow();

    /**
     * Records a second of an instance that are considered, each counted once for every task; of
     * more, a uniform draw of as many.
     */
    @WithDefault("10000")
    @WithConverter(Converters.Positive.class)
    int rate();
  }

  /** How head versions are kept. */
  interface Heads {
    @WithDefault("10")
    @WithConverter(Converters.Positive.class)
    int keep();

    @WithDefault("1032192")
    @WithConverter(Converters.Positive.class)
    int chunkBytes();

    /** Of who writes heads, pointers or label names; Ed25519, PKCS#8 in PEM. */
    Optional<Path> signingKey();

    /** The only ones whose signatures count; X.509 in PEM. Absent: nothing has to be signed. */
    Optional<List<Path>> trustedKeys();
  }

  /** When drift is an alarm; all in records of the uniform draw. */
  interface Drift {
    /** Once in so many on average, where there is none. */
    @WithDefault("150000")
    @WithConverter(Converters.Positive.class)
    int falseAlarm();

    /** What the newest are compared with. */
    @WithDefault("256")
    @WithConverter(Converters.Positive.class)
    int reference();

    @WithDefault("10")
    @WithConverter(Converters.Positive.class)
    int shortWindow();

    @WithDefault("40")
    @WithConverter(Converters.Positive.class)
    int longWindow();
  }

  /** Metrics and health. */
  interface Http {
    @WithDefault("127.0.0.1")
    String host();

    @WithDefault("8080")
    int port();

    @WithDefault("8081")
    int trainerPort();

    @WithConverter(Converters.WebAddress.class)
    Optional<URI> trainer();
  }
}

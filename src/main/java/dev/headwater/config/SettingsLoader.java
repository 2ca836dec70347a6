package dev.headwater.config;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.gate.Metric;
import dev.headwater.heads.HeadSettings;
import dev.headwater.heads.Signatures;
import dev.headwater.http.HttpSettings;
import dev.headwater.replay.ReplaySettings;
import dev.headwater.replay.traffic.Truth;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.format.Formats;
import dev.headwater.schema.format.RegistrySettings;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.StreamSettings;
import dev.headwater.stream.selection.Selection;
import io.smallrye.config.ConfigValidationException;
import io.smallrye.config.SmallRyeConfig;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.apache.kafka.common.config.AbstractConfig;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** Loads {@link Settings} from a file, or reports all of its problems in one message. */
public final class SettingsLoader {
  static final String PREFIX = "headwater";
  private static final Logger log = LoggerFactory.getLogger(SettingsLoader.class);

  private final RawConfig raw;
  private final Map<String, Object> kafka;
  private final Map<String, Object> registry;
  private final Problems problems;

  private SettingsLoader(SmallRyeConfig config, Problems problems) {
    this.problems = problems;
    raw = config.getConfigMapping(RawConfig.class);
    kafka = problems.section("kafka", () -> ConfigSources.kafka(config), Map.of());
    registry = problems.section("registry", () -> ConfigSources.registry(config), Map.of());
  }

  /**
   * Reads a configuration.
   *
   * @param environment variables that override keys of the file
   * @param overrides values by key that override both, for example {@code replay.rate}
   * @throws ConfigException listing every problem with its key
   */
  public static Settings load(
      Path file, Map<String, String> environment, Map<String, String> overrides)
      throws ConfigException {
    return load(file, environment, name -> true, ConfigSources.ENVIRONMENT_ORDINAL, overrides);
  }

  /**
   * Reads the configuration of another deployment, whose keys the environment must not override.
   *
   * @param defaults selects the variables that replace keys missing in the file; {@code ${NAME}} in
   *     values may refer to any variable
   */
  public static Settings other(
      Path file, Map<String, String> environment, Predicate<String> defaults)
      throws ConfigException {
    return load(file, environment, defaults, ConfigSources.DEFAULTS_ORDINAL, Map.of());
  }

  private static Settings load(
      Path file,
      Map<String, String> environment,
      Predicate<String> keys,
      int ordinal,
      Map<String, String> overrides)
      throws ConfigException {
    if (!Files.isRegularFile(file)) {
      throw new ConfigException(file, List.of("file not found"));
    }
    try {
      String text = Files.readString(file);
      Problems problems = new Problems();
      problems.add(Keys.misplaced(ConfigSources.parse(text)));
      Settings settings =
          new SettingsLoader(
                  read(file, text, environment, keys, ordinal, overrides, problems), problems)
              .settings(file);
      Keys.strayVariables(environment.keySet(), text).stream()
          .filter(keys)
          .forEach(
              variable ->
                  log.atWarn().addKeyValue("variable", variable).log("unknown configuration key"));
      return settings;
    } catch (ConfigValidationException e) {
      throw new ConfigException(file, Problems.of(e));
    } catch (MarkedYAMLException e) {
      throw new ConfigException(file, List.of(Problems.of(e)));
    } catch (CharacterCodingException e) {
      throw new ConfigException(file, List.of("the file is not UTF-8"));
    } catch (IOException | RuntimeException e) {
      throw new ConfigException(file, List.of("cannot read the file: " + e.getMessage()));
    }
  }

  /**
   * Reads the sources; invalid keys are recorded and left out, so that other problems are found.
   */
  private static SmallRyeConfig read(
      Path file,
      String text,
      Map<String, String> environment,
      Predicate<String> keys,
      int ordinal,
      Map<String, String> overrides,
      Problems problems)
      throws IOException {
    try {
      return ConfigSources.read(file, text, environment, keys, ordinal, overrides, Set.of());
    } catch (ConfigValidationException e) {
      problems.add(Problems.of(e));
      return ConfigSources.read(file, text, environment, keys, ordinal, overrides, problems.keys());
    }
  }

  private Settings settings(Path file) throws ConfigException {
    Supplier<TopicNames> names = problems.section("topics", this::names);
    Supplier<TopicSettings> topics = problems.section("topics", this::topics);
    Supplier<RegistrySettings> registry = problems.section("registry", this::registrySettings);
    Supplier<Formats> formats = problems.section("formats", () -> formats(registry.get()));
    Supplier<ScoringSettings> scoring = problems.section("scoring", this::scoring);
    Selection selection = problems.section("selection", this::selection, new Selection(0, 1));
    Supplier<StreamSettings> stream = problems.section("stream", () -> stream(selection));
    HeadSettings heads = problems.section("heads", this::heads, HeadSettings.DEFAULT);
    Supplier<HttpSettings> scorer = problems.section("http", () -> http(raw.http().port()));
    Supplier<HttpSettings> trainer = problems.section("http", () -> http(raw.http().trainerPort()));
    Supplier<GateSettings> gate = problems.section("gate", this::gate);
    Map<String, Supplier<GateSettings>> taskGates = taskGates();
    DriftSettings drift = problems.section("drift", this::drift, DriftSettings.DEFAULT);
    Supplier<AdaptSettings> adapt = problems.section("adapt", () -> adapt(heads, drift));
    problems.section("kafka", this::requireClassicForStaticMember, kafka);
    Supplier<ReplaySettings> replay = problems.section("replay", this::replay);
    if (!problems.found().isEmpty()) {
      throw new ConfigException(file, problems.found());
    }
    Path directory = raw.bundle().directory();
    return new Settings(
        file,
        raw.name(),
        directory,
        raw.bundle().manifest().orElse(directory.resolve("headwater.yaml")),
        kafka,
        names.get(),
        topics.get(),
        formats.get(),
        scoring.get(),
        stream.get(),
        heads,
        adapt.get(),
        new Gates(gate.get(), resolved(taskGates)),
        replay.get(),
        raw.tasks().keySet(),
        raw.replay().history(),
        raw.replay().html(),
        scorer.get(),
        trainer.get(),
        raw.http().trainer());
  }

  private TopicNames names() {
    RawConfig.Topics topics = raw.topics();
    TopicNames defaults = TopicNames.prefixed(raw.name());
    return new TopicNames(
        topics.records().orElse(defaults.records()),
        topics.predictions().orElse(defaults.predictions()),
        topics.review().orElse(defaults.review()),
        topics.labels().orElse(defaults.labels()),
        topics.pending().orElse(defaults.pending()),
        topics.labelsById().orElse(defaults.labelsById()),
        topics.samples().orElse(defaults.samples()),
        topics.heads().orElse(defaults.heads()),
        topics.deadLetters().orElse(defaults.deadLetters()));
  }

  private TopicSettings topics() {
    RawConfig.Topics topics = raw.topics();
    return new TopicSettings(
        topics.partitions(),
        topics.joinPartitions(),
        topics.replicationFactor(),
        raw.stream().labelWait(),
        topics.samplesRetention());
  }

  private Formats formats(@Nullable RegistrySettings registry) {
    RawConfig.Formats formats = raw.formats();
    return new Formats(formats.records(), formats.labels(), formats.predictions(), registry);
  }

  private @Nullable RegistrySettings registrySettings() {
    if (registry.isEmpty()) {
      return null;
    }
    Map<String, Object> properties = new TreeMap<>(registry);
    kafka.keySet().stream()
        .filter(key -> key.startsWith(AbstractConfig.CONFIG_PROVIDERS_CONFIG))
        .forEach(key -> properties.put(key, kafka.get(key)));
    return RegistrySettings.of(properties);
  }

  private ScoringSettings scoring() {
    RawConfig.Scoring scoring = raw.scoring();
    return new ScoringSettings(
        scoring.threads().orElse(Runtime.getRuntime().availableProcessors()),
        scoring.intraOpThreads(),
        scoring.batchSize(),
        scoring.compareFrozen());
  }

  private StreamSettings stream(Selection selection) {
    RawConfig.Stream stream = raw.stream();
    return new StreamSettings(
        raw.name(),
        raw.stateDir(),
        stream.threads(),
        stream.guarantee(),
        stream.groupProtocol(),
        stream.commitInterval(),
        stream.linger(),
        selection,
        stream.unlabelledShare(),
        stream.labelWait(),
        stream.topK(),
        stream.readAheadBytes(),
        stream.storeBytes(),
        stream.closeTimeout());
  }

  private Selection selection() {
    RawConfig.Selection selection = raw.selection();
    Optional<Selection.Budget> budget =
        selection.budget() < 1
            ? Optional.of(
                new Selection.Budget(
                    selection.budget(), selection.budgetBurst(), selection.budgetWindow()))
            : Optional.empty();
    return new Selection(
        selection.auditShare(),
        selection.threshold(),
        selection.measure(),
        selection.nearDuplicateDistance(),
        budget,
        selection.maxRate(),
        confidenceThresholds());
  }

  private Map<String, Selection.LowConfidence> confidenceThresholds() {
    Map<String, Selection.LowConfidence> thresholds = new HashMap<>();
    raw.tasks()
        .forEach(
            (task, overrides) ->
                thresholds.put(
                    task,
                    new Selection.LowConfidence(
                        overrides.selection().threshold().orElse(raw.selection().threshold()),
                        overrides.selection().measure().orElse(raw.selection().measure()))));
    return thresholds;
  }

  private HeadSettings heads() {
    RawConfig.Heads heads = raw.heads();
    if (heads.chunkBytes() > HeadSettings.CHUNK_BYTES) {
      log.atWarn()
          .addKeyValue("used", HeadSettings.CHUNK_BYTES)
          .log("heads.chunk-bytes exceeds the default message limit of a topic; using the limit");
    }
    return new HeadSettings(
        heads.keep(),
        Math.min(heads.chunkBytes(), HeadSettings.CHUNK_BYTES),
        Signatures.of(heads.signingKey(), heads.trustedKeys().orElse(List.of())));
  }

  private AdaptSettings adapt(HeadSettings heads, DriftSettings drift) {
    RawAdapt adapt = raw.adapt();
    return new AdaptSettings(
        raw.name() + "-trainer",
        adapt.triggerSamples(),
        adapt.triggerGrowth(),
        adapt.triggerInterval(),
        adapt.memory(),
        adapt.folds(),
        adapt.balance(),
        new FitSettings(
            adapt.device(), adapt.threads(), adapt.l2Sp(), adapt.iterations(), adapt.tailSteps()),
        heads,
        adapt.closeTimeout(),
        adapt.promotion(),
        drift,
        adapt.alignUnlabelled());
  }

  private DriftSettings drift() {
    RawConfig.Drift drift = raw.drift();
    return new DriftSettings(
        drift.falseAlarmInterval(), drift.reference(), drift.shortWindow(), drift.longWindow());
  }

  /** Checks static membership now: Kafka Streams reports it only after everything else started. */
  private Map<String, Object> requireClassicForStaticMember() {
    boolean isStaticMember =
        kafka.keySet().stream().anyMatch(key -> key.endsWith("group.instance.id"));
    if (isStaticMember && raw.stream().groupProtocol() == StreamSettings.Protocol.STREAMS) {
      throw new IllegalArgumentException(
          "group.instance.id requires stream.group-protocol classic; the streams protocol has no"
              + " static membership");
    }
    return kafka;
  }

  private GateSettings gate() {
    RawGate gate = raw.gate();
    return new GateSettings(
        gate.significanceLevel(),
        gate.margin(),
        gate.classLoss(),
        gate.classMinSamples(),
        gate.minSamples(),
        gate.metric(),
        gate.costs(),
        gate.recallFloor());
  }

  private Map<String, Supplier<GateSettings>> taskGates() {
    Map<String, Supplier<GateSettings>> gates = new TreeMap<>();
    raw.tasks()
        .forEach(
            (task, overrides) ->
                gates.put(
                    task,
                    problems.section("tasks." + task + ".gate", () -> gate(overrides.gate()))));
    return gates;
  }

  private GateSettings gate(RawTask.Gate overrides) {
    RawGate gate = raw.gate();
    Metric metric = overrides.metric().orElse(gate.metric());
    // general costs do not apply to a task that overrides the metric
    Map<String, Double> costs = metric == gate.metric() ? gate.costs() : Map.of();
    return new GateSettings(
        overrides.significanceLevel().orElse(gate.significanceLevel()),
        overrides.margin().orElse(gate.margin()),
        overrides.classLoss().orElse(gate.classLoss()),
        gate.classMinSamples(),
        gate.minSamples(),
        metric,
        overrides.costs().isEmpty() ? costs : overrides.costs(),
        overrides.recallFloor().isEmpty() ? gate.recallFloor() : overrides.recallFloor());
  }

  private static <T> Map<String, T> resolved(Map<String, Supplier<T>> suppliers) {
    Map<String, T> values = new HashMap<>();
    suppliers.forEach((key, supplier) -> values.put(key, supplier.get()));
    return values;
  }

  private ReplaySettings replay() {
    RawReplay replay = raw.replay();
    return new ReplaySettings(
        replay.stream(),
        replay.truthFields(),
        truths(replay.truths()),
        replay.domainField(),
        replay.rate(),
        replay.labelDelay(),
        replay.adapt(),
        replay.bootstrapServers(),
        replay.report(),
        replay.dump(),
        replay.stallTimeout());
  }

  private static Map<String, Truth> truths(Map<String, RawReplay.RawTruth> raw) {
    Map<String, Truth> truths = new HashMap<>();
    raw.forEach(
        (task, truth) -> {
          try {
            truths.put(
                task,
                truth.names().isPresent()
                    ? Truth.mapped(truth.field(), truth.names().get())
                    : Truth.of(truth.field()));
          } catch (IOException e) {
            throw new IllegalArgumentException(
                "truths.%s.names must be a JSON object of labels: %s".formatted(task, e), e);
          }
        });
    return truths;
  }

  private HttpSettings http(int port) {
    return new HttpSettings(raw.http().host(), port);
  }
}

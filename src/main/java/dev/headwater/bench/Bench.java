package dev.headwater.bench;

import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.Pipeline;
import dev.headwater.replay.Scratch;
import dev.headwater.schema.TopicSettings;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Measures a deployment's speed on a broker of its own, and says what there is to compare with. */
public final class Bench {
  private static final int DISTINCT = 10_000;

  private final BenchSettings settings;
  private final Pipeline pipeline;
  private final Consumer<String> say;
  private final Report report = new Report();

  /**
   * @param say shows how it goes
   */
  public Bench(BenchSettings settings, Consumer<String> say) {
    this.settings = settings;
    this.pipeline = settings.pipeline();
    this.say = say;
  }

  /**
   * @throws IllegalArgumentException where the bundle or its records cannot be compared
   * @throws IllegalStateException where a contestant loses or repeats a record
   */
  public Report run() throws Exception {
    report.put("environment.cores", Runtime.getRuntime().availableProcessors());
    report.put("environment.java", Runtime.version().toString());
    report.put("environment.loadBefore", Meter.load());
    try (Scratch scratch = Scratch.create();
        BrokerProcess broker = BrokerProcess.start(scratch.path().resolve("broker"))) {
      throughput(scratch, Kafka.on(broker.bootstrapServers(), pipeline.kafka()));
    }
    report.put("environment.loadAfter", Meter.load());
    return report;
  }

  private void throughput(Scratch scratch, Map<String, Object> kafka) throws Exception {
    ScoringSettings scoring = pipeline.scoring();
    int inference = scoring.threads() * scoring.intraOpThreads();
    int threads = inference + pipeline.stream().threads();
    TopicSettings topics = topics(threads);
    ManifestInput input = ManifestInput.read(settings.manifest(), settings.directory());
    Backlog backlog =
        Backlog.read(
            settings.stream(),
            settings.truthFields(),
            input.idField(),
            topics.partitions(),
            DISTINCT);
    Network network = Network.of(pipeline.bundle(), scratch.path().resolve("network.onnx"));
    NoInference noInference = noInference(backlog);
    try (Raw raw = new Raw(network, pipeline.bundle().decoder(), decoded(backlog), inference);
        Plain plain = new Plain(input, network, pipeline.stream(), threads)) {
      Throughput throughput =
          new Throughput(
              new Drain(kafka, topics, backlog, scratch.path().resolve("state")),
              raw,
              List.of(new Headwater(pipeline), plain, noInference),
              say);
      report.put("settings.bundle", pipeline.bundle().name());
      report.put("settings.rounds", settings.rounds());
      report.put("settings.partitions", topics.partitions());
      report.put("settings.inferenceThreads", inference);
      report.put("settings.streamThreads", pipeline.stream().threads());
      report.put("settings.plainThreads", threads);
      throughput.measure(settings.rounds(), settings.seconds());
      throughput.report(report);
    }
  }

  /** As many partitions as give each of so many stream threads the same number. */
  private TopicSettings topics(int threads) {
    TopicSettings configured = pipeline.topics();
    int each = (configured.partitions() + threads - 1) / threads;
    return new TopicSettings(
        each * threads,
        configured.joinPartitions(),
        configured.replicationFactor(),
        configured.labelWait(),
        configured.samplesRetention());
  }

  /** The first to load a network: through DJL, as it must be. */
  private NoInference noInference(Backlog backlog) throws InvalidRecordException {
    try (Scoring scoring =
        Scoring.load(pipeline.bundle(), pipeline.scoring(), ScorerMetrics.NOOP)) {
      return new NoInference(pipeline, backlog, scoring);
    }
  }

  private List<Decoded> decoded(Backlog backlog) throws InvalidRecordException {
    List<Decoded> decoded = new ArrayList<>();
    for (byte[] value : backlog.values()) {
      decoded.add(pipeline.bundle().decoder().decode(value));
    }
    return decoded;
  }
}

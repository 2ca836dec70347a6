package dev.headwater.bench;

import dev.headwater.bench.BenchSettings.Part;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.BrokerProcess;
import dev.headwater.replay.Pipeline;
import dev.headwater.replay.Scratch;
import dev.headwater.schema.TopicSettings;
import dev.headwater.scoring.Scoring;
import dev.headwater.stream.PrecomputedStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** Benchmarks a deployment on an embedded broker, next to the variants it is compared with. */
public final class Bench {
  private static final int DISTINCT = 10_000;
  private static final List<Integer> LOADS = List.of(50, 80);
  private static final Map<String, Double> PERCENTILES =
      Map.of("p50", 0.5, "p99", 0.99, "p999", 0.999);

  /** Parts whose load depends on Headwater's throughput. */
  private static final Set<Part> RATE_BASED =
      EnumSet.of(Part.LATENCY, Part.SWAP, Part.ADAPTATION, Part.SOAK);

  private final BenchSettings settings;
  private final Pipeline pipeline;
  private final Consumer<String> progress;
  private final Report report;

  /**
   * Creates a benchmark.
   *
   * @param report receives each result at once, so results before a failed part are kept
   * @param progress receives progress messages
   * @throws IllegalArgumentException if the heads or tasks of the bundle cannot be measured
   */
  public Bench(BenchSettings settings, Report report, Consumer<String> progress) {
    this.settings = settings;
    this.pipeline = settings.pipeline();
    this.report = report;
    this.progress = progress;
    if (wants(Part.SWAP) || wants(Part.FINETUNE)) {
      Heads.of(pipeline.bundle().task());
    }
    if (wants(Part.TASKS) && pipeline.bundle().tasks().size() < 2) {
      throw new IllegalArgumentException(
          "bundle %s has only one task: part tasks requires at least two"
              .formatted(pipeline.bundle().name()));
    }
  }

  /**
   * Runs all parts.
   *
   * @throws IllegalArgumentException if the bundle or its records are not supported
   * @throws IllegalStateException if a variant loses or duplicates a record
   */
  public void run() throws Exception {
    report.put("environment.cores", Runtime.getRuntime().availableProcessors());
    report.put("environment.java", Runtime.version().toString());
    report.put("environment.loadBefore", Meter.load());
    try (Scratch scratch = Scratch.create();
        BrokerProcess broker = BrokerProcess.start(scratch.path().resolve("broker"))) {
      Map<String, Object> kafka = Kafka.on(broker.bootstrapServers(), pipeline.kafka());
      report.put("settings.rounds", settings.rounds());
      report.put("settings.inferenceThreads", inferenceThreads());
      report.put("settings.streamThreads", pipeline.stream().threads());
      if (!settings.parts().equals(Set.of(Part.SCALE))) {
        deployment(kafka, scratch.path());
      }
      if (wants(Part.SCALE)) {
        Scale scale = new Scale(settings, kafka, scratch.path(), progress);
        for (BenchSettings.Axis axis : settings.axes()) {
          scale.measure(axis).report(report);
        }
      }
    }
    report.put("environment.loadAfter", Meter.load());
  }

  private void deployment(Map<String, Object> kafka, Path scratch) throws Exception {
    ManifestInput input = ManifestInput.read(settings.manifest(), settings.directory());
    TopicSettings topics = topics();
    Backlog backlog =
        Backlog.read(
            settings.stream(),
            settings.truthFields(),
            input.idField(),
            topics.partitions(),
            DISTINCT);
    report.put("settings.bundle", pipeline.bundle().name());
    report.put("settings.partitions", topics.partitions());
    Arena arena = new Arena(kafka, topics, backlog, scratch.resolve("state"));
    Drain drain = new Drain(arena);
    if (wants(Part.TASKS)) {
      new FurtherTasks(settings, scratch, drain, progress).measure(report);
    }
    if (!EnumSet.of(Part.TASKS, Part.SCALE).containsAll(settings.parts())) {
      report.put("settings.plainThreads", threads());
      measure(
          arena,
          drain,
          known(backlog),
          input,
          Network.of(pipeline.bundle(), scratch.resolve("n.onnx")));
    }
  }

  private void measure(
      Arena arena,
      Drain drain,
      List<PrecomputedStream.Precomputed> known,
      ManifestInput input,
      Network network)
      throws Exception {
    Headwater headwater = new Headwater(pipeline);
    try (Raw raw =
            new Raw(network, pipeline.bundle().decoder(), decoded(arena), inferenceThreads());
        Plain plain = new Plain(input, network, pipeline.stream(), threads())) {
      Throughput throughput =
          new Throughput(
              drain,
              raw,
              List.of(headwater, plain, new NoInference(pipeline, arena.backlog(), known)),
              progress);
      if (wants(Part.THROUGHPUT)) {
        throughput.measure(settings.rounds(), settings.seconds());
        throughput.report(report);
      }
      if (settings.parts().stream().anyMatch(RATE_BASED::contains)) {
        Throughput.Alone alone = throughput.alone(settings.seconds());
        Paced paced = new Paced(arena, headwater);
        latency(paced, alone.recordsPerSecond());
        swap(paced, alone.recordsPerSecond(), known);
        adaptation(arena, drain, alone.records(), headwater, known);
        soak(paced, alone.recordsPerSecond());
      }
    }
    finetune(known, arena.backlog());
    start(arena);
  }

  private boolean wants(Part part) {
    return settings.parts().contains(part);
  }

  private void latency(Paced paced, double rate) throws Exception {
    for (int load : wants(Part.LATENCY) ? LOADS : List.<Integer>of()) {
      List<Paced.Timings> runs = new ArrayList<>();
      for (int round = 0; round < settings.rounds(); round++) {
        runs.add(paced.run(1, rate * load / 100, settings.seconds(), List.of()));
      }
      String key = "latencyMs.load" + load;
      report.put(key + ".recordsPerSecond", rate * load / 100);
      PERCENTILES.forEach(
          (name, share) ->
              report.put(
                  key + "." + name,
                  Spread.of(runs.stream().map(run -> run.percentile(share)).toList()).median()));
      reportProgress(key);
    }
  }

  private void swap(Paced paced, double rate, List<PrecomputedStream.Precomputed> known)
      throws Exception {
    if (wants(Part.SWAP)) {
      Heads heads = Heads.of(pipeline.bundle().task());
      new Swapping(paced, heads, known.get(0).outcomes().get(0).features())
          .measure(rate, settings.rounds(), report);
      reportProgress("swap");
    }
  }

  private void adaptation(
      Arena arena,
      Drain drain,
      Drain.Filled records,
      Headwater headwater,
      List<PrecomputedStream.Precomputed> known)
      throws Exception {
    if (!wants(Part.ADAPTATION)) {
      return;
    }
    List<WithTrainer> trained = new ArrayList<>();
    List<Double> cost = new ArrayList<>();
    for (int round = 0; round < settings.rounds(); round++) {
      // the order alternates, so that warm-up favours neither
      boolean first = round % 2 == 0;
      double before = first ? drain.run(headwater, records).recordsPerSecond() : 0;
      WithTrainer measured = runWithTrainer(arena, drain, records, headwater, known, round);
      double alone = first ? before : drain.run(headwater, records).recordsPerSecond();
      trained.add(measured);
      cost.add(1 - measured.recordsPerSecond / alone);
    }
    report.putMedian("adaptation.costToScoring", Spread.of(cost));
    report.putMedian(
        "adaptation.trainerCores", Spread.of(trained.stream().map(WithTrainer::cores).toList()));
    report.put("adaptation.trainings", trained.stream().mapToLong(WithTrainer::trainings).sum());
    reportProgress("adaptation");
  }

  /** Scoring next to a trainer: throughput, CPU cores of the trainer, and its trainings. */
  private record WithTrainer(double recordsPerSecond, double cores, long trainings) {}

  private WithTrainer runWithTrainer(
      Arena arena,
      Drain drain,
      Drain.Filled records,
      Headwater headwater,
      List<PrecomputedStream.Precomputed> known,
      int round)
      throws Exception {
    try (Adaptation trainer =
        new Adaptation(
            arena,
            settings.commands(),
            pipeline.bundle().task(),
            known,
            arena.backlog().truths(known),
            round)) {
      long before = trainer.candidates();
      Duration cpu = trainer.cpu();
      long start = System.nanoTime();
      double rate = drain.run(headwater, records).recordsPerSecond();
      double nanos = System.nanoTime() - start;
      return new WithTrainer(
          rate, trainer.cpu().minus(cpu).toNanos() / nanos, trainer.candidates() - before);
    }
  }

  private void soak(Paced paced, double rate) throws Exception {
    if (wants(Part.SOAK)) {
      new Soak(paced, progress).measure(rate, settings.minutes(), report);
      reportProgress("soak");
    }
  }

  private void finetune(List<PrecomputedStream.Precomputed> known, Backlog backlog) {
    if (!wants(Part.FINETUNE)) {
      return;
    }
    Heads heads = Heads.of(pipeline.bundle().task());
    FineTuning tuning =
        new FineTuning(
            pipeline.adapt(),
            heads.linear(),
            heads.own().info().labels(),
            known.stream().map(answer -> answer.outcomes().get(0).features()).toList(),
            backlog.truths(known));
    List<Double> seconds = new ArrayList<>();
    for (int round = 0; round < settings.rounds(); round++) {
      seconds.add(tuning.seconds());
    }
    report.putMedian("finetune.seconds", Spread.of(seconds));
    report.put("finetune.classes", tuning.classes());
    reportProgress("finetune");
  }

  private void start(Arena arena) throws Exception {
    if (!wants(Part.START)) {
      return;
    }
    Start start = new Start(arena, settings.commands());
    start.seconds(); // warms up the disk cache
    List<Double> seconds = new ArrayList<>();
    for (int round = 0; round < settings.rounds(); round++) {
      seconds.add(start.seconds());
    }
    report.putMedian("start.seconds", Spread.of(seconds));
    reportProgress("start");
  }

  private void reportProgress(String key) {
    progress.accept(key + " " + report.at(key));
  }

  private int inferenceThreads() {
    return pipeline.scoring().threads() * pipeline.scoring().intraOpThreads();
  }

  /** Returns all computing threads; the plain variant gets the same number. */
  private int threads() {
    return inferenceThreads() + pipeline.stream().threads();
  }

  /** Rounds the partitions up to a multiple of the threads of the plain variant. */
  private TopicSettings topics() {
    TopicSettings configured = pipeline.topics().unreplicated();
    int perThread = (configured.partitions() + threads() - 1) / threads();
    return new TopicSettings(
        perThread * threads(),
        configured.joinPartitions(),
        configured.replicationFactor(),
        configured.labelWait(),
        configured.samplesRetention());
  }

  /**
   * Scores each distinct record. Called before any other model is loaded, because DJL must create
   * the ONNX Runtime environment.
   */
  private List<PrecomputedStream.Precomputed> known(Backlog backlog) throws InvalidRecordException {
    try (Scoring scoring =
        Scoring.load(pipeline.bundle(), pipeline.scoring(), ScorerMetrics.NOOP)) {
      return NoInference.known(pipeline, backlog, scoring);
    }
  }

  private List<Decoded> decoded(Arena arena) throws InvalidRecordException {
    List<Decoded> decoded = new ArrayList<>();
    for (int i = 0; i < arena.backlog().distinct(); i++) {
      decoded.add(pipeline.bundle().decoder().decode(arena.backlog().value(i)));
    }
    return decoded;
  }
}

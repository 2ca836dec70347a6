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
import dev.headwater.stream.AnsweredStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** Measures a deployment's speed on a broker of its own, and says what there is to compare with. */
public final class Bench {
  private static final int DISTINCT = 10_000;
  private static final List<Integer> LOADS = List.of(50, 80);
  private static final Map<String, Double> PERCENTILES =
      Map.of("p50", 0.5, "p99", 0.99, "p999", 0.999);

  /** What goes by Headwater's throughput. */
  private static final Set<Part> PACED =
      EnumSet.of(Part.LATENCY, Part.SWAP, Part.ADAPTATION, Part.SOAK);

  private final BenchSettings settings;
  private final Pipeline pipeline;
  private final Consumer<String> say;
  private final Report report;

  /**
   * @param report what is measured goes there at once: it holds whatever a part that fails comes
   *     after
   * @param say shows how it goes
   * @throws IllegalArgumentException where the bundle's heads, or its tasks, cannot be measured
   */
  public Bench(BenchSettings settings, Report report, Consumer<String> say) {
    this.settings = settings;
    this.pipeline = settings.pipeline();
    this.report = report;
    this.say = say;
    if (wants(Part.SWAP) || wants(Part.FINETUNE)) {
      Heads.of(pipeline.bundle().task());
    }
    if (wants(Part.TASKS) && pipeline.bundle().tasks().size() < 2) {
      throw new IllegalArgumentException(
          "bundle %s has one task: there is no further one to measure"
              .formatted(pipeline.bundle().name()));
    }
  }

  /**
   * @throws IllegalArgumentException where the bundle or its records cannot be compared
   * @throws IllegalStateException where a contestant loses or repeats a record
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
        Scale scale = new Scale(settings, kafka, scratch.path(), say);
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
      new FurtherTasks(settings, scratch, drain, say).measure(report);
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
      List<AnsweredStream.Known> known,
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
              say);
      if (wants(Part.THROUGHPUT)) {
        throughput.measure(settings.rounds(), settings.seconds());
        throughput.report(report);
      }
      if (settings.parts().stream().anyMatch(PACED::contains)) {
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
      told(key);
    }
  }

  private void swap(Paced paced, double rate, List<AnsweredStream.Known> known) throws Exception {
    if (wants(Part.SWAP)) {
      Heads heads = Heads.of(pipeline.bundle().task());
      new Swapping(paced, heads, known.get(0).outcomes().get(0).features())
          .measure(rate, settings.rounds(), report);
      told("swap");
    }
  }

  private void adaptation(
      Arena arena,
      Drain drain,
      Drain.Filled records,
      Headwater headwater,
      List<AnsweredStream.Known> known)
      throws Exception {
    if (!wants(Part.ADAPTATION)) {
      return;
    }
    List<Beside> trained = new ArrayList<>();
    List<Double> cost = new ArrayList<>();
    for (int round = 0; round < settings.rounds(); round++) {
      // in turns, so that what warms up favours neither
      boolean first = round % 2 == 0;
      double before = first ? drain.run(headwater, records).recordsPerSecond() : 0;
      Beside beside = beside(arena, drain, records, headwater, known, round);
      double alone = first ? before : drain.run(headwater, records).recordsPerSecond();
      trained.add(beside);
      cost.add(1 - beside.recordsPerSecond / alone);
    }
    report.putMedian("adaptation.costToScoring", Spread.of(cost));
    report.putMedian(
        "adaptation.trainerCores", Spread.of(trained.stream().map(Beside::cores).toList()));
    report.put("adaptation.trainings", trained.stream().mapToLong(Beside::trainings).sum());
    told("adaptation");
  }

  /** What was scored beside a trainer, and what that did meanwhile. */
  private record Beside(double recordsPerSecond, double cores, long trainings) {}

  private Beside beside(
      Arena arena,
      Drain drain,
      Drain.Filled records,
      Headwater headwater,
      List<AnsweredStream.Known> known,
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
      return new Beside(
          rate, trainer.cpu().minus(cpu).toNanos() / nanos, trainer.candidates() - before);
    }
  }

  private void soak(Paced paced, double rate) throws Exception {
    if (wants(Part.SOAK)) {
      new Soak(paced, say).measure(rate, settings.minutes(), report);
      told("soak");
    }
  }

  private void finetune(List<AnsweredStream.Known> known, Backlog backlog) {
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
    told("finetune");
  }

  private void start(Arena arena) throws Exception {
    if (!wants(Part.START)) {
      return;
    }
    Start start = new Start(arena, settings.commands());
    start.seconds(); // warms the disk
    List<Double> seconds = new ArrayList<>();
    for (int round = 0; round < settings.rounds(); round++) {
      seconds.add(start.seconds());
    }
    report.putMedian("start.seconds", Spread.of(seconds));
    told("start");
  }

  private void told(String key) {
    say.accept(key + " " + report.at(key));
  }

  private int inferenceThreads() {
    return pipeline.scoring().threads() * pipeline.scoring().intraOpThreads();
  }

  /** All that compute: what the plain processor gets too. */
  private int threads() {
    return inferenceThreads() + pipeline.stream().threads();
  }

  /** As many partitions as give each of the plain processor's threads the same number. */
  private TopicSettings topics() {
    TopicSettings configured = pipeline.topics().unreplicated();
    int each = (configured.partitions() + threads() - 1) / threads();
    return new TopicSettings(
        each * threads(),
        configured.joinPartitions(),
        configured.replicationFactor(),
        configured.labelWait(),
        configured.samplesRetention());
  }

  /** The first to load a network: through DJL, as it must be. */
  private List<AnsweredStream.Known> known(Backlog backlog) throws InvalidRecordException {
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

package dev.headwater.bench;

import dev.headwater.bench.BenchSettings.Axis;
import dev.headwater.bench.Drain.Filled;
import dev.headwater.bundle.Bundle;
import dev.headwater.replay.Pipeline;
import dev.headwater.schema.TopicSettings;
import dev.headwater.stream.StreamSettings;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * The cost per record as one quantity grows and all others are constant. Uses the settings of the
 * deployment and a small network, so that the cost around inference is visible.
 */
final class Scale {
  private static final int NUMBERS = 16;
  private static final int CLASSES = 10;

  /** Records per second of a round, on the axis where records are joined with labels. */
  private static final int JOINED_PER_SECOND = 1_000;

  /** Fraction of the seconds of a round used per point, because there are many points. */
  private static final double FRACTION = 0.25;

  private final BenchSettings settings;
  private final Pipeline pipeline;
  private final Map<String, Object> kafka;
  private final Path scratch;
  private final Consumer<String> progress;

  /**
   * Creates the benchmark.
   *
   * @param kafka client properties
   * @param scratch directory for bundles and state stores
   */
  Scale(
      BenchSettings settings, Map<String, Object> kafka, Path scratch, Consumer<String> progress) {
    this.settings = settings;
    this.pipeline = settings.pipeline();
    this.kafka = kafka;
    this.scratch = scratch;
    this.progress = progress;
  }

  /** A prepared point of an axis, which is measured once per round. */
  private record Setup(int x, Drain drain, Variant variant, Filled filled, List<Measured> rounds) {}

  Curve measure(Axis axis) throws Exception {
    String name = axis.name().toLowerCase(Locale.ROOT);
    List<Curve.Point> points =
        axis == Axis.LABELS ? withWaitingLabels(axis.upTo(settings.upTo())) : drained(axis, name);
    Curve curve = new Curve(name, points);
    curve.print(progress);
    return curve;
  }

  /** Measures every point once per round, so that other load on the machine affects all points. */
  private List<Curve.Point> drained(Axis axis, String name) throws Exception {
    List<Setup> setups = new ArrayList<>();
    for (int x : axis.upTo(settings.upTo())) {
      setups.add(prepare(axis, name + "-" + x, x));
    }
    for (int round = 0; round < settings.rounds(); round++) {
      for (Setup setup : setups) {
        setup.rounds().add(setup.drain().run(setup.variant(), setup.filled()));
      }
    }
    return setups.stream()
        .map(setup -> Curve.Point.of(setup.x(), setup.filled().records(), setup.rounds()))
        .toList();
  }

  /** Prepares a point. A trial warms up the code and determines the records per round. */
  private Setup prepare(Axis axis, String name, int x) throws Exception {
    Deployment deployment =
        made(
            new Ffnn(NUMBERS, axis == Axis.CLASSES ? x : CLASSES, axis == Axis.TASKS ? x : 1),
            name,
            axis == Axis.PARTITIONS ? x : pipeline.topics().partitions());
    Drain drain = new Drain(deployment.arena());
    Variant variant = new Headwater(name, pipeline.with(deployment.bundle(), pipeline.stream()));
    Filled few = drain.fill("trial-of-" + name, Drain.trial(settings.seconds()));
    double rate = drain.run(variant, few).recordsPerSecond();
    int records =
        axis == Axis.RECORDS
            ? x
            : (int) Math.max(few.records(), rate * settings.seconds() * FRACTION);
    return new Setup(
        x, drain, variant, drain.fill("filled-for-" + name, records), new ArrayList<>());
  }

  private List<Curve.Point> withWaitingLabels(List<Integer> waitingLabels) throws Exception {
    Deployment deployment =
        made(new Ffnn(NUMBERS, CLASSES, 1), "labels", pipeline.topics().partitions());
    int records = (int) Math.max(JOINED_PER_SECOND, settings.seconds() * JOINED_PER_SECOND);
    Joining joining =
        new Joining(
            pipeline.with(deployment.bundle(), requestingAllLabels(pipeline.stream())),
            deployment.arena(),
            records,
            progress);
    List<Curve.Point> points = new ArrayList<>();
    for (int x : waitingLabels) {
      points.add(Curve.Point.of(x, records, joining.beside(x, settings.rounds())));
    }
    return points;
  }

  private record Deployment(Bundle bundle, Arena arena) {}

  private Deployment made(Ffnn network, String name, int partitions) throws Exception {
    Path directory = Files.createDirectories(scratch.resolve("bundle-" + name));
    network.write(directory);
    TopicSettings configured = pipeline.topics().unreplicated();
    TopicSettings topics =
        new TopicSettings(
            partitions,
            configured.joinPartitions(),
            configured.replicationFactor(),
            configured.labelWait(),
            configured.samplesRetention());
    Backlog backlog =
        Backlog.read(
            directory.resolve("stream.jsonl"),
            List.of("label"),
            "id",
            partitions,
            Integer.MAX_VALUE);
    return new Deployment(
        Bundle.load(directory.resolve("headwater.yaml"), directory),
        new Arena(kafka, topics, backlog, scratch.resolve("state")));
  }

  /** Returns the settings with a label request for every record. */
  private static StreamSettings requestingAllLabels(StreamSettings stream) {
    return stream.with(stream.applicationId(), stream.stateDir(), new Selection(1, 0));
  }
}

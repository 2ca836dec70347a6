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
 * What a record costs as one thing grows and all others stay: a small network, so that what is
 * around it shows, under the deployment's settings.
 */
final class Scale {
  private static final int NUMBERS = 16;
  private static final int CLASSES = 10;

  /** So many records a round for each second of one, where they are joined with labels. */
  private static final int JOINED_A_SECOND = 1_000;

  /** Of a round's seconds: there are many points. */
  private static final double PART = 0.25;

  private final BenchSettings settings;
  private final Pipeline pipeline;
  private final Map<String, Object> kafka;
  private final Path scratch;
  private final Consumer<String> say;

  /**
   * @param kafka client properties
   * @param scratch for bundles and stores
   */
  Scale(BenchSettings settings, Map<String, Object> kafka, Path scratch, Consumer<String> say) {
    this.settings = settings;
    this.pipeline = settings.pipeline();
    this.kafka = kafka;
    this.scratch = scratch;
    this.say = say;
  }

  /** A place on an axis, ready to be measured again and again. */
  private record Place(
      int x, Drain drain, Contestant contestant, Filled filled, List<Measured> rounds) {}

  Curve measure(Axis axis) throws Exception {
    String name = axis.name().toLowerCase(Locale.ROOT);
    List<Curve.Point> points =
        axis == Axis.LABELS ? beside(axis.upTo(settings.upTo())) : drained(axis, name);
    Curve curve = new Curve(name, points);
    curve.print(say);
    return curve;
  }

  /** Every place once a round, so that what else the machine does meets all of them. */
  private List<Curve.Point> drained(Axis axis, String name) throws Exception {
    List<Place> places = new ArrayList<>();
    for (int x : axis.upTo(settings.upTo())) {
      places.add(place(axis, name + "-" + x, x));
    }
    for (int round = 0; round < settings.rounds(); round++) {
      for (Place place : places) {
        place.rounds().add(place.drain().run(place.contestant(), place.filled()));
      }
    }
    return places.stream()
        .map(place -> Curve.Point.of(place.x(), place.filled().records(), place.rounds()))
        .toList();
  }

  /** After a trial, which compiles what it runs and tells how many records make a round. */
  private Place place(Axis axis, String name, int x) throws Exception {
    Made made =
        made(
            new Ffnn(NUMBERS, axis == Axis.CLASSES ? x : CLASSES, axis == Axis.TASKS ? x : 1),
            name,
            axis == Axis.PARTITIONS ? x : pipeline.topics().partitions());
    Drain drain = new Drain(made.arena());
    Contestant contestant = new Headwater(name, pipeline.with(made.bundle(), pipeline.stream()));
    Filled few = drain.fill("trial-of-" + name, Drain.trial(settings.seconds()));
    double rate = drain.run(contestant, few).recordsPerSecond();
    int records =
        axis == Axis.RECORDS ? x : (int) Math.max(few.records(), rate * settings.seconds() * PART);
    return new Place(
        x, drain, contestant, drain.fill("filled-for-" + name, records), new ArrayList<>());
  }

  private List<Curve.Point> beside(List<Integer> waiting) throws Exception {
    Made made = made(new Ffnn(NUMBERS, CLASSES, 1), "labels", pipeline.topics().partitions());
    int records = (int) Math.max(JOINED_A_SECOND, settings.seconds() * JOINED_A_SECOND);
    Joining joining =
        new Joining(
            pipeline.with(made.bundle(), asking(pipeline.stream())), made.arena(), records, say);
    List<Curve.Point> points = new ArrayList<>();
    for (int x : waiting) {
      points.add(Curve.Point.of(x, records, joining.beside(x, settings.rounds())));
    }
    return points;
  }

  private record Made(Bundle bundle, Arena arena) {}

  private Made made(Ffnn network, String name, int partitions) throws Exception {
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
    return new Made(
        Bundle.load(directory.resolve("headwater.yaml"), directory),
        new Arena(kafka, topics, backlog, scratch.resolve("state")));
  }

  /** The same, but that it asks about every record. */
  private static StreamSettings asking(StreamSettings stream) {
    return stream.with(stream.applicationId(), stream.stateDir(), new Selection(1, 0));
  }
}

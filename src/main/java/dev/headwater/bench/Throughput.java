package dev.headwater.bench;

import dev.headwater.bench.Drain.Filled;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** Every contestant over the same records, in rounds, each time in another order. */
final class Throughput {
  private static final String HEADWATER = "headwater";

  private final Drain drain;
  private final Raw raw;
  private final List<Contestant> contestants;
  private final Consumer<String> say;
  private final Map<String, List<Measured>> runs = new LinkedHashMap<>();
  private @Nullable Filled records;

  /**
   * @param contestants Headwater first
   */
  Throughput(Drain drain, Raw raw, List<Contestant> contestants, Consumer<String> say) {
    this.drain = drain;
    this.raw = raw;
    this.contestants = contestants;
    this.say = say;
  }

  /**
   * @param seconds Headwater's run of a round should take
   */
  void measure(int rounds, double seconds) throws Exception {
    Raw.Setting best = raw.tune(Math.min(1, seconds / 5));
    say.accept(
        "raw: best in batches of %d, %d threads with %d each"
            .formatted(best.batchSize(), best.threads(), best.intraOpThreads()));
    Filled counted = counted(seconds, contestants);
    records = counted;
    for (int round = 0; round < rounds; round++) {
      List<String> order = new ArrayList<>(List.of(Raw.NAME));
      contestants.forEach(contestant -> order.add(contestant.name()));
      Collections.rotate(order, -round);
      for (String name : order) {
        Measured run = name.equals(Raw.NAME) ? raw.run(seconds) : drain.run(named(name), counted);
        runs.computeIfAbsent(name, n -> new ArrayList<>()).add(run);
        say.accept(
            "round %d: %-11s %,10.0f records/s, %,8.1f us of CPU and %,9.0f bytes a record"
                .formatted(
                    round + 1,
                    name,
                    run.recordsPerSecond(),
                    run.cpuMicrosPerRecord(),
                    run.allocatedBytesPerRecord()));
      }
    }
  }

  /** Headwater is the first of them. */
  private Filled counted(double seconds, List<Contestant> tried) throws Exception {
    Filled filled = drain.trials(seconds, tried);
    say.accept("%,d records a round".formatted(filled.records()));
    return filled;
  }

  private Contestant named(String name) {
    return contestants.stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
  }

  /** Headwater by itself: what other parts are to load it with. */
  record Alone(Filled records, double recordsPerSecond) {}

  /** As in the rounds that were measured, else from a run of its own. */
  Alone alone(double seconds) throws Exception {
    Filled filled = records == null ? counted(seconds, List.of(named(HEADWATER))) : records;
    double rate =
        runs.isEmpty()
            ? drain.run(named(HEADWATER), filled).recordsPerSecond()
            : of(HEADWATER, Measured::recordsPerSecond).median();
    return new Alone(filled, rate);
  }

  private Spread of(String name, ToDoubleFunction<Measured> measure) {
    return Spread.of(runs(name).stream().mapToDouble(measure).toArray());
  }

  private List<Measured> runs(String name) {
    return runs.getOrDefault(name, List.of());
  }

  void report(Report report) {
    runs.forEach(
        (name, measured) -> {
          report.putMedian(name + ".recordsPerSecond", of(name, Measured::recordsPerSecond));
          report.put(name + ".cpuMicrosPerRecord", of(name, Measured::cpuMicrosPerRecord).median());
          report.put(
              name + ".allocatedBytesPerRecord",
              of(name, Measured::allocatedBytesPerRecord).median());
          if (!name.equals(Raw.NAME)) {
            report.put(name + ".sameLabelsAsRaw", sameLabels(measured.get(0)));
          }
        });
    report.put("ratio.headwaterToRaw", ratio(Raw.NAME));
    report.put("ratio.headwaterToPlain", ratio("plain"));
    report.put("ratio.headwaterToNoInference", ratio("noInference"));
  }

  private Spread ratio(String other) {
    List<Double> ratios = new ArrayList<>();
    for (int round = 0; round < runs(other).size(); round++) {
      ratios.add(
          runs(HEADWATER).get(round).recordsPerSecond()
              / runs(other).get(round).recordsPerSecond());
    }
    return Spread.of(ratios);
  }

  /** The share of distinct records; below 1 where a network's answer depends on its batch. */
  private double sameLabels(Measured run) {
    List<String> expected = runs(Raw.NAME).get(0).labels();
    int same = 0;
    for (int i = 0; i < run.labels().size(); i++) {
      same += run.labels().get(i).equals(expected.get(i)) ? 1 : 0;
    }
    return (double) same / run.labels().size();
  }
}

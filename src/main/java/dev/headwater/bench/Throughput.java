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

/** Measures all variants on the same records, in rounds with rotating order. */
final class Throughput {
  private static final String HEADWATER = "headwater";

  private final Drain drain;
  private final Raw raw;
  private final List<Variant> variants;
  private final Consumer<String> progress;
  private final Map<String, List<Measured>> runs = new LinkedHashMap<>();
  private @Nullable Filled records;

  /**
   * Creates the measurement.
   *
   * @param variants the variants, Headwater first
   */
  Throughput(Drain drain, Raw raw, List<Variant> variants, Consumer<String> progress) {
    this.drain = drain;
    this.raw = raw;
    this.variants = variants;
    this.progress = progress;
  }

  /**
   * Runs the rounds.
   *
   * @param seconds target duration of Headwater's run in a round
   */
  void measure(int rounds, double seconds) throws Exception {
    Raw.Setting best = raw.tune(Math.min(1, seconds / 5));
    progress.accept(
        "raw: best setting batch size %d, %d threads with %d intra-op threads each"
            .formatted(best.batchSize(), best.threads(), best.intraOpThreads()));
    Filled filled = fillRound(seconds, variants);
    records = filled;
    for (int round = 0; round < rounds; round++) {
      List<String> order = new ArrayList<>(List.of(Raw.NAME));
      variants.forEach(variant -> order.add(variant.name()));
      Collections.rotate(order, -round);
      for (String name : order) {
        Measured run = name.equals(Raw.NAME) ? raw.run(seconds) : drain.run(named(name), filled);
        runs.computeIfAbsent(name, n -> new ArrayList<>()).add(run);
        progress.accept(
            "round %d: %-11s %,10.0f records/s, per record %,8.1f us of CPU and %,9.0f bytes"
                .formatted(
                    round + 1,
                    name,
                    run.recordsPerSecond(),
                    run.cpuMicrosPerRecord(),
                    run.allocatedBytesPerRecord()));
      }
    }
  }

  /** Determines the records per round from trials; Headwater is the first variant. */
  private Filled fillRound(double seconds, List<Variant> selected) throws Exception {
    Filled filled = drain.trials(seconds, selected);
    progress.accept("%,d records per round".formatted(filled.records()));
    return filled;
  }

  private Variant named(String name) {
    return variants.stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
  }

  /** Headwater's records and throughput, which other parts derive their load from. */
  record Alone(Filled records, double recordsPerSecond) {}

  /** Returns the result of the measured rounds; without any, runs Headwater once. */
  Alone alone(double seconds) throws Exception {
    Filled filled = records == null ? fillRound(seconds, List.of(named(HEADWATER))) : records;
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

  /** Returns the share of distinct records; below 1 if predictions depend on the batch. */
  private double sameLabels(Measured run) {
    List<String> expected = runs(Raw.NAME).get(0).labels();
    int same = 0;
    for (int i = 0; i < run.labels().size(); i++) {
      same += run.labels().get(i).equals(expected.get(i)) ? 1 : 0;
    }
    return (double) same / run.labels().size();
  }
}

package dev.headwater.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * The latency cost of head swaps. One run is split into pairs of adjacent windows, and a head goes
 * live in one window of each pair, so that both share all other influences.
 *
 * @param heads source of the head versions
 * @param proof features of a record, from which the golden logits are computed
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Swapping(Paced paced, Heads heads, float[] proof) {
  private static final double SHARE = 0.999;
  private static final double SECONDS = 5;

  /** Time until most of the code is JIT-compiled. */
  private static final double WARM_UP_SECONDS = 30;

  /**
   * Maximum records per second: enough for the percentile, and few enough that the latency reflects
   * the swap and not queueing.
   */
  private static final double RATE = 1000;

  /** Scorer instances; a head counts as live when it is live on all of them. */
  private static final int INSTANCES = 2;

  /**
   * Runs the benchmark.
   *
   * @param throughput Headwater's records per second; at most half of them are sent
   */
  void measure(double throughput, int rounds, Report report) throws Exception {
    List<Paced.Publication> publications = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      double middle = window(round, true) + SECONDS / 2;
      publications.add(new Paced.Publication(middle, heads.version(round + 1, proof)));
    }
    Paced.Timings timings =
        paced.run(
            INSTANCES,
            Math.min(RATE, throughput / 2),
            WARM_UP_SECONDS + 2 * rounds * SECONDS,
            publications);
    List<Double> added = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      added.add(percentile(timings, round, true) - percentile(timings, round, false));
    }
    report.put("swap.recordsPerSecond", timings.rate());
    report.putMedian("swap.addedP999Ms", Spread.of(added));
    report.put("swap.addedP999MsMedianWithin", Spread.ofMedian(added));
    report.putMedian("swap.publishToLiveMs", Spread.of(timings.publishToLiveMillis()));
  }

  private static double percentile(Paced.Timings timings, int round, boolean swapped) {
    double from = window(round, swapped);
    return timings.percentile(SHARE, from, from + SECONDS);
  }

  /** Returns the start of a window in seconds; the order alternates, so trends favour neither. */
  private static double window(int round, boolean swapped) {
    int second = round % 2 == 0 == swapped ? 0 : 1;
    return WARM_UP_SECONDS + (2 * round + second) * SECONDS;
  }
}

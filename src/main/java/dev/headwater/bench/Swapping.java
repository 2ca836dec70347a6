package dev.headwater.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * What a swap costs the records around it. All of one run, cut into windows: in one of each two
 * that follow each other a head goes live, so that a pair shares what else there is.
 *
 * @param heads what goes live
 * @param proof features of a record, whose logits prove it
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Swapping(Paced paced, Heads heads, float[] proof) {
  private static final double SHARE = 0.999;
  private static final double SECONDS = 5;

  /** Until the compiler has done most of what it does. */
  private static final double WARM_UP_SECONDS = 30;

  /**
   * Records a second at most: enough of them for the percentile, and few enough for it to tell of
   * the swap and not of the queue.
   */
  private static final double RATE = 1000;

  /** A head is live once it is so on the last of them. */
  private static final int INSTANCES = 2;

  /**
   * @param most records a second that Headwater scores; half of them are sent at most
   */
  void measure(double most, int rounds, Report report) throws Exception {
    List<Paced.Publication> publications = new ArrayList<>();
    for (int round = 0; round < rounds; round++) {
      double middle = window(round, true) + SECONDS / 2;
      publications.add(new Paced.Publication(middle, heads.version(round + 1, proof)));
    }
    Paced.Timings timings =
        paced.run(
            INSTANCES,
            Math.min(RATE, most / 2),
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

  /** The second at which one begins; who comes first takes turns, so that trends favour neither. */
  private static double window(int round, boolean swapped) {
    int second = round % 2 == 0 == swapped ? 0 : 1;
    return WARM_UP_SECONDS + (2 * round + second) * SECONDS;
  }
}

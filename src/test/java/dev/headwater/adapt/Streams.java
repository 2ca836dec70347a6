package dev.headwater.adapt;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Recorded streams through the simulation, with the defaults of learner and gate. */
final class Streams {
  /**
   * Records from what triggered a training to its head, seen on one core at 100 records a second.
   */
  private static final Map<String, Integer> DELAYS = Map.of("gas", 50, "clinc", 100);

  /** As stream.unlabelled-share has it. */
  static final double DRAWN_SHARE = 0.3;

  private static final int BLOCK = 500;

  private Streams() {}

  /**
   * @param seed of order and audit; 0 for the recorded order
   * @param records to stop after, 0 for all
   */
  static StreamSimulation.Report run(
      String name, double auditShare, StreamSimulation.Choice choice, long seed, int records)
      throws Exception {
    Recorded stream = Recorded.of(StreamFeatures.of(Bundles.data(name)));
    HeadLayout layout = new HeadLayout(Recorded.LAYER, stream.space().size());
    return run(
        stream,
        new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, true)),
        choice,
        new StreamSimulation.Plan(
            auditShare,
            DRAWN_SHARE,
            DELAYS.get(name),
            0,
            seed,
            records,
            AdaptSettings.of("simulation"),
            GateSettings.DEFAULT));
  }

  static StreamSimulation.Report run(
      Recorded stream, Fitter fitter, StreamSimulation.Choice choice, StreamSimulation.Plan plan) {
    int[] order = order(stream.truth().size(), plan.seed());
    return new StreamSimulation(stream, order, plan, choice, fitter).run();
  }

  /** The recorded order, or shuffled within blocks so that the drift stays where it is. */
  private static int[] order(int size, long seed) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, size).boxed().toList());
    Random random = new Random(seed);
    for (int from = 0; seed > 0 && from < size; from += BLOCK) {
      Collections.shuffle(order.subList(from, Math.min(from + BLOCK, size)), random);
    }
    return order.stream().mapToInt(Integer::intValue).toArray();
  }
}

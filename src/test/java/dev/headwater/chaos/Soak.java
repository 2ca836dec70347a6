package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bench.Trend;
import dev.headwater.stream.HeadwaterProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * No fault, but very many swaps: what each of them kept would show at last, beside what the same
 * scorer gains under the same load in as long a time without, before and after.
 */
final class Soak {
  private static final int SWAPS = 1_000;
  private static final int MOST_LABELS = 100;
  private static final int LOOK_EVERY = 5;

  private final List<Memory> warmUp = new ArrayList<>();
  private final List<Memory> before = new ArrayList<>();
  private final List<Memory> swapping = new ArrayList<>();
  private int swaps;

  /** What a scorer holds, in bytes, at a time in nanoseconds. */
  private record Memory(long at, double resident, double direct) {
    static Memory of(HeadwaterProcess scorer) throws Exception {
      return new Memory(
          System.nanoTime(),
          scorer.value("process_resident_memory_bytes .*"),
          scorer.value("jvm_buffer_memory_used_bytes\\{id=\"direct\".*"));
    }
  }

  private Soak() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("1,000 swaps, of more labels and of fewer", new Soak()::swap).scorers(1));
  }

  /** A third of them. Other heads go live meanwhile, every few seconds, as ever. */
  private boolean swap(Run run) throws Exception {
    if (swaps == 0) {
      touchTheHeap(run);
    }
    HeadwaterProcess scorer = run.processes.scorer(run.processes.any(run.random));
    for (int i = 0; i * Run.FIRINGS < SWAPS; i++) {
      double live = scorer.gauge("head_swaps_total");
      run.heads.promote(MOST_LABELS - Math.abs(i % (2 * MOST_LABELS) - MOST_LABELS));
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(20))
          .until(() -> scorer.gauge("head_swaps_total") > live);
      if (++swaps == SWAPS / 2) {
        before.addAll(lookWithoutSwaps(run, scorer));
      }
      if (swaps % LOOK_EVERY == 0) {
        (swaps < SWAPS / 2 ? warmUp : swapping).add(Memory.of(scorer));
      }
    }
    if (run.fired() == Run.FIRINGS - 1) {
      await().atMost(PATIENCE).until(() -> scorer.gauge("heads_loaded") == 1);
      List<Memory> after = lookWithoutSwaps(run, scorer);
      assertFlat("resident memory", after, Memory::resident);
      assertFlat("direct memory", after, Memory::direct);
    }
    return true;
  }

  /** Its heap is resident from the start, so that what grows is something else. */
  private static void touchTheHeap(Run run) throws Exception {
    String member = run.processes.any(run.random);
    run.processes.stop(member);
    run.processes.environment().put("JAVA_TOOL_OPTIONS", "-Xms512m -XX:+AlwaysPreTouch");
    run.processes.start(member);
    run.processes.environment().clear();
  }

  /** As often and as long as while it warmed up, and the load goes on. */
  private List<Memory> lookWithoutSwaps(Run run, HeadwaterProcess scorer) throws Exception {
    List<Memory> without = new ArrayList<>();
    for (int i = 0; i < warmUp.size(); i++) {
      run.awaitMore((int) (Load.RATE * seconds(warmUp) / (warmUp.size() - 1)));
      without.add(Memory.of(scorer));
    }
    return without;
  }

  private static double seconds(List<Memory> memory) {
    return (memory.get(memory.size() - 1).at - memory.get(0).at) / 1e9;
  }

  /**
   * Whatever grows by itself grows less and less, so that the mean of before and after stands for
   * what it would be meanwhile. That two such times differ is as much noise as that values scatter.
   */
  private void assertFlat(String name, List<Memory> after, ToDoubleFunction<Memory> of) {
    Trend first = trend(before, of);
    Trend with = trend(swapping, of);
    Trend last = trend(after, of);
    String said =
        "%s, %d looks in %.0f s: without swaps %s; with them %s; without again %s"
            .formatted(
                name, swapping.size(), seconds(swapping), said(first), said(with), said(last));
    System.out.println(said);
    double scatter = Math.hypot(with.scatter(), Math.hypot(first.scatter(), last.scatter()));
    assertThat(with.rise() - (first.rise() + last.rise()) / 2)
        .as(said)
        .isLessThanOrEqualTo(2 * scatter + Math.abs(first.rise() - last.rise()) / 2);
  }

  private static Trend trend(List<Memory> memory, ToDoubleFunction<Memory> of) {
    return Trend.of(
        memory.stream().mapToDouble(Memory::at).toArray(),
        memory.stream().mapToDouble(of).toArray());
  }

  private static String said(Trend trend) {
    return "rises by %.2f MB, scatters by %.2f MB"
        .formatted(trend.rise() / 1e6, trend.scatter() / 1e6);
  }
}

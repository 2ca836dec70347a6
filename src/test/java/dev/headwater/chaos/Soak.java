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
 * scorer gains under the same load in as long a time without.
 */
final class Soak {
  private static final int SWAPS = 1_000;
  private static final int MOST_LABELS = 100;
  private static final int LOOK_EVERY = 5;

  private final List<Memory> memory = new ArrayList<>();

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
    if (memory.isEmpty()) {
      touchTheHeap(run);
    }
    HeadwaterProcess scorer = run.processes.scorer(run.processes.any(run.random));
    for (int i = 0; i * Run.FIRINGS < SWAPS; i++) {
      double swaps = scorer.gauge("head_swaps_total");
      run.heads.promote(MOST_LABELS - Math.abs(i % (2 * MOST_LABELS) - MOST_LABELS));
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(20))
          .until(() -> scorer.gauge("head_swaps_total") > swaps);
      if (i % LOOK_EVERY == 0) {
        memory.add(Memory.of(scorer));
      }
    }
    if (run.fired() == Run.FIRINGS - 1) {
      List<Memory> later = memory.subList(memory.size() / 2, memory.size());
      List<Memory> without = lookWithoutSwaps(run, scorer, later);
      assertFlat("resident memory", later, without, Memory::resident);
      assertFlat("direct memory", later, without, Memory::direct);
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

  /** As often and as long, and the load goes on. */
  private static List<Memory> lookWithoutSwaps(Run run, HeadwaterProcess scorer, List<Memory> as)
      throws Exception {
    run.heads.stop();
    List<Memory> without = new ArrayList<>();
    for (int i = 0; i < as.size(); i++) {
      run.awaitMore((int) (Load.RATE * duration(as) / 1e9 / (as.size() - 1)));
      without.add(Memory.of(scorer));
    }
    return without;
  }

  private static long duration(List<Memory> memory) {
    return memory.get(memory.size() - 1).at - memory.get(0).at;
  }

  /** What swaps add is no more than twice what the values scatter. */
  private static void assertFlat(
      String name, List<Memory> with, List<Memory> without, ToDoubleFunction<Memory> of) {
    Trend swapping = trend(with, of);
    Trend still = trend(without, of);
    String said =
        "%s, %d looks in %.0f s: with swaps %s; without %s"
            .formatted(name, with.size(), duration(with) / 1e9, said(swapping), said(still));
    System.out.println(said);
    assertThat(swapping.rise() - still.rise())
        .as(said)
        .isLessThanOrEqualTo(2 * Math.hypot(swapping.scatter(), still.scatter()));
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

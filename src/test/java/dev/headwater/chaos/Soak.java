package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.HeadwaterProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** No fault, but very many swaps: what each of them kept would show at last. */
final class Soak {
  private static final int SWAPS = 1_000;
  private static final int MOST_LABELS = 100;
  private static final int LOOK_EVERY = 5;

  private final List<Memory> memory = new ArrayList<>();

  /** What a scorer holds, in bytes. */
  private record Memory(double resident, double direct) {}

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
        memory.add(
            new Memory(
                scorer.value("process_resident_memory_bytes .*"),
                scorer.value("jvm_buffer_memory_used_bytes\\{id=\"direct\".*")));
      }
    }
    if (run.fired() == Run.FIRINGS - 1) {
      assertFlat("resident memory", Memory::resident);
      assertFlat("direct memory", Memory::direct);
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

  /**
   * By least squares over the later half: what the line rises by is no more than twice what the
   * values scatter about it.
   */
  private void assertFlat(String name, ToDoubleFunction<Memory> of) {
    double[] later =
        memory.subList(memory.size() / 2, memory.size()).stream().mapToDouble(of).toArray();
    int n = later.length;
    double middle = (n - 1) / 2.0;
    double mean = 0;
    for (double value : later) {
      mean += value / n;
    }
    double products = 0;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      products += (i - middle) * (later[i] - mean);
      squares += (i - middle) * (i - middle);
    }
    double slope = products / squares;
    double scatter = 0;
    for (int i = 0; i < n; i++) {
      double off = later[i] - mean - slope * (i - middle);
      scatter += off * off / n;
    }
    String said =
        "%s over the later half of %d looks: mean %.1f MB, rises by %.2f MB, scatters by %.2f MB"
            .formatted(
                name, memory.size(), mean / 1e6, slope * (n - 1) / 1e6, Math.sqrt(scatter) / 1e6);
    System.out.println(said);
    assertThat(slope * (n - 1)).as(said).isLessThanOrEqualTo(2 * Math.sqrt(scatter));
  }
}

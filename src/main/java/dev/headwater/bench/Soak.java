package dev.headwater.bench;

import dev.headwater.metrics.ProcessMemory;
import dev.headwater.replay.traffic.Worker;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Runs Headwater near full load for a long time, to detect growing lag or memory. A lag of n
 * records adds n / rate seconds to the latency (Little's law), so the latency shows the lag. Memory
 * is that of this JVM, including producer and consumer of the load.
 */
final class Soak {
  /** Fraction of the throughput; producer and consumer share the cores and need the rest. */
  private static final double LOAD = 0.8;

  private static final long SAMPLE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Paced paced;
  private final Consumer<String> progress;

  Soak(Paced paced, Consumer<String> progress) {
    this.paced = paced;
    this.progress = progress;
  }

  /** Memory in MB, at a second since the start. */
  private record Look(double second, double resident, double direct) {
    static Look at(double second) {
      double direct =
          ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
              .filter(pool -> pool.getName().equals("direct"))
              .mapToLong(BufferPoolMXBean::getMemoryUsed)
              .sum();
      return new Look(second, ProcessMemory.resident() / 1e6, direct / 1e6);
    }
  }

  /**
   * Runs the benchmark.
   *
   * @param throughput records per second that Headwater scores
   */
  void measure(double throughput, double minutes, Report report) throws Exception {
    double rate = throughput * LOAD;
    List<Look> looks = new ArrayList<>();
    Paced.Timings timings;
    try (Worker sampler =
        Worker.start(
            "soak",
            running -> {
              long start = System.nanoTime();
              while (running.getAsBoolean()) {
                Look look = Look.at((System.nanoTime() - start) / 1e9);
                looks.add(look);
                if (looks.size() % 60 == 0) {
                  progress.accept(
                      "soak: %.0f s, %.0f MB resident, %.1f MB direct"
                          .formatted(look.second, look.resident, look.direct));
                }
                LockSupport.parkNanos(SAMPLE_NANOS);
              }
            })) {
      timings = paced.run(1, rate, minutes * 60, List.of());
      sampler.close();
      sampler.check();
    }
    report.put("soak.minutes", minutes);
    report.put("soak.recordsPerSecond", rate);
    report.put("soak.lastHalf.latencyMs", latency(timings.latencies(), rate));
    List<Look> later = looks.subList(looks.size() / 2, looks.size());
    report.put("soak.lastHalf.residentMb", trend(later, Look::resident));
    report.put("soak.lastHalf.directMb", trend(later, Look::direct));
  }

  private static Trend trend(List<Look> looks, ToDoubleFunction<Look> of) {
    return Trend.of(
        looks.stream().mapToDouble(Look::second).toArray(),
        looks.stream().mapToDouble(of).toArray());
  }

  /** Returns the trend of the mean latency per second, over the last half. */
  private static Trend latency(double[] latencies, double rate) {
    int each = Math.max(1, (int) rate);
    int seconds = latencies.length / each;
    int[] later = IntStream.range(seconds / 2, seconds).toArray();
    return Trend.of(
        Arrays.stream(later).asDoubleStream().toArray(),
        Arrays.stream(later)
            .mapToDouble(
                s -> Arrays.stream(latencies, s * each, (s + 1) * each).average().orElseThrow())
            .toArray());
  }
}

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
 * Headwater at nearly all that the cores can, for long: whether it falls behind, and whether it
 * holds more and more. Who falls behind by n records answers n / rate seconds late (Little's law),
 * so lag is seen in latency; what is held is this JVM's, in which the load's producer and consumer
 * are, too.
 */
final class Soak {
  /** Of what it scores alone: producer and consumer, which share the cores, take the rest. */
  private static final double LOAD = 0.8;

  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Paced paced;
  private final Consumer<String> say;

  Soak(Paced paced, Consumer<String> say) {
    this.paced = paced;
    this.say = say;
  }

  /** What is held, in MB, so many seconds after the first look. */
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
   * @param most records a second that Headwater scores
   */
  void measure(double most, double minutes, Report report) throws Exception {
    double rate = most * LOAD;
    List<Look> looks = new ArrayList<>();
    Paced.Timings timings;
    try (Worker looking =
        Worker.start(
            "soak",
            running -> {
              long start = System.nanoTime();
              while (running.getAsBoolean()) {
                Look look = Look.at((System.nanoTime() - start) / 1e9);
                looks.add(look);
                if (looks.size() % 60 == 0) {
                  say.accept(
                      "soak: %.0f s, %.0f MB resident, %.1f MB direct"
                          .formatted(look.second, look.resident, look.direct));
                }
                LockSupport.parkNanos(LOOK_NANOS);
              }
            })) {
      timings = paced.run(1, rate, minutes * 60, List.of());
      looking.close();
      looking.check();
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

  /** Of each second's mean. */
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

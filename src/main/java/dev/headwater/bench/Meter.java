package dev.headwater.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.Map;

/**
 * Time, CPU and allocation of this JVM, without those of the calling thread. CPU includes
 * compilation and garbage collection.
 */
final class Meter {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /**
   * One reading.
   *
   * @param nanos time with an arbitrary origin, as System.nanoTime()
   * @param allocated allocated bytes by id of the live threads
   */
  record Reading(long nanos, long cpuNanos, Map<Long, Long> allocated) {
    double seconds(Reading since) {
      return (nanos - since.nanos) / 1e9;
    }

    /** Returns the bytes allocated by the threads alive now; those of ended threads are lost. */
    long allocatedBytes(Reading since) {
      return allocated.entrySet().stream()
          .mapToLong(e -> e.getValue() - since.allocated.getOrDefault(e.getKey(), 0L))
          .sum();
    }
  }

  private Meter() {}

  static Reading read() {
    long[] ids = THREADS.getAllThreadIds();
    long[] bytes = THREADS.getThreadAllocatedBytes(ids);
    Map<Long, Long> allocated = new HashMap<>();
    for (int i = 0; i < ids.length; i++) {
      if (bytes[i] >= 0 && ids[i] != Thread.currentThread().getId()) {
        allocated.put(ids[i], bytes[i]);
      }
    }
    return new Reading(
        System.nanoTime(),
        SYSTEM.getProcessCpuTime() - THREADS.getCurrentThreadCpuTime(),
        allocated);
  }

  /** Returns the load average of the machine over the last minute. */
  static double load() {
    return SYSTEM.getSystemLoadAverage();
  }
}

package dev.headwater.bench;

import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/**
 * Time, CPU and allocation of this JVM, less those of the thread that asks: what is measured runs
 * beside it. CPU includes compiling and collecting garbage.
 */
final class Meter {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final OperatingSystemMXBean SYSTEM =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  /**
   * One reading.
   *
   * @param nanos of no particular origin
   * @param allocatedBytes by the threads alive
   */
  record Reading(long nanos, long cpuNanos, long allocatedBytes) {
    double seconds(Reading since) {
      return (nanos - since.nanos) / 1e9;
    }
  }

  private Meter() {}

  static Reading read() {
    long allocated = 0;
    for (long bytes : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
      allocated += Math.max(0, bytes);
    }
    return new Reading(
        System.nanoTime(),
        SYSTEM.getProcessCpuTime() - THREADS.getCurrentThreadCpuTime(),
        allocated - THREADS.getCurrentThreadAllocatedBytes());
  }

  /** Of the last minute, on the whole machine. */
  static double load() {
    return SYSTEM.getSystemLoadAverage();
  }
}

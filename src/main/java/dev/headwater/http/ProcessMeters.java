package dev.headwater.http;

import dev.headwater.metrics.Health;
import dev.headwater.metrics.ProcessMemory;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import java.util.function.Supplier;

/** What every process measures: its JVM, its memory as the kernel sees it, its health. */
final class ProcessMeters implements AutoCloseable {
  private final JvmGcMetrics collections = new JvmGcMetrics();

  ProcessMeters(MeterRegistry registry, Supplier<Health> live, Supplier<Health> ready) {
    collections.bindTo(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ClassLoaderMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
    Gauge.builder("process.resident.memory", ProcessMemory::resident)
        .description("Native memory included, as the kernel counts it; NaN where it does not tell")
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder("headwater.build.info", () -> 1)
        .description("1, by the version of the program")
        .tag("version", version())
        .register(registry);
    health(registry, "live", live);
    health(registry, "ready", ready);
  }

  private static void health(MeterRegistry registry, String probe, Supplier<Health> health) {
    Gauge.builder("headwater.health", () -> health.get().up() ? 1 : 0)
        .description("What the probe says, 1 for up")
        .tag("probe", probe)
        .register(registry);
  }

  /** Of the program; of a run from classes, that it is one. */
  static String version() {
    String version = ProcessMeters.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  @Override
  public void close() {
    collections.close();
  }
}

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

/** Meters of every process: JVM, resident memory, build and health. */
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
        .description(
            "Resident memory, native memory included; NaN if the kernel does not report it")
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder("headwater.build.info", () -> 1)
        .description("Always 1; the version tag is that of Headwater")
        .tag("version", version())
        .register(registry);
    health(registry, "live", live);
    health(registry, "ready", ready);
  }

  private static void health(MeterRegistry registry, String probe, Supplier<Health> health) {
    Gauge.builder("headwater.health", () -> health.get().up() ? 1 : 0)
        .description("Result of the health probe: 1 for up, 0 for down")
        .tag("probe", probe)
        .register(registry);
  }

  /** Returns the version, or {@code development} if not run from a jar. */
  static String version() {
    String version = ProcessMeters.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }

  @Override
  public void close() {
    collections.close();
  }
}

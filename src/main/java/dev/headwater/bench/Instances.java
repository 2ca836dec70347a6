package dev.headwater.bench;

import dev.headwater.schema.Head;
import dev.headwater.schema.Topics;
import dev.headwater.stream.StreamService;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.DoubleStream;

/**
 * Scorers of one group in this JVM, each with its own state directory and metrics. They share the
 * records like processes, and the JIT compiler and garbage collector of one JVM.
 */
final class Instances implements AutoCloseable {
  private final Headwater headwater;
  private final Arena arena;
  private final Topics topics;
  private final String group;
  private final List<StreamService> services = new ArrayList<>();
  private final List<PrometheusMeterRegistry> registries = new ArrayList<>();

  Instances(Headwater headwater, Arena arena, Topics topics, String group) {
    this.headwater = headwater;
    this.arena = arena;
    this.topics = topics;
    this.group = group;
  }

  /** Starts the scorers and returns once each has partitions. */
  void start(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
      registries.add(registry);
      services.add(
          headwater.start(
              topics, group, arena.scratch().resolve(group + "-" + i), arena.kafka(), registry));
    }
    Progress.await(
        group + " instances ready",
        count,
        () -> services.stream().filter(each -> each.ready().up()).count());
    Progress.await(
        group + " instances with assigned partitions",
        count,
        () -> gauges("headwater.partitions.scored").filter(partitions -> partitions > 0).count());
  }

  /** Returns whether this version or a later one is live on every instance. */
  boolean live(Head head) {
    return gauges("headwater.head.version", "task", head.info().task())
        .allMatch(version -> version >= head.info().version());
  }

  /** Returns a gauge of each instance, or 0 while it is not registered. */
  private DoubleStream gauges(String name, String... tags) {
    return registries.stream()
        .map(registry -> registry.find(name).tags(tags).gauge())
        .mapToDouble(gauge -> gauge == null ? 0 : gauge.value());
  }

  @Override
  public void close() {
    services.forEach(StreamService::close);
  }
}

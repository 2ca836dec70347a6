package dev.headwater.bench;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Kafka client properties for the benchmark. */
final class Kafka {
  private static final Predicate<String> SECURITY =
      Pattern.compile("(^|\\.)(security|ssl|sasl)\\.").asPredicate();

  private Kafka() {}

  /**
   * Adapts the properties of a deployment to the benchmark's broker: loopback, without security.
   */
  static Map<String, Object> on(String bootstrapServers, Map<String, Object> configured) {
    Map<String, Object> kafka = new HashMap<>(configured);
    kafka.keySet().removeIf(SECURITY);
    kafka.remove("group.instance.id"); // valid for one instance only; the benchmark has several
    kafka.put("bootstrap.servers", bootstrapServers);
    return kafka;
  }

  static Map<String, Object> with(Map<String, Object> kafka, Map<String, Object> overrides) {
    Map<String, Object> all = new HashMap<>(kafka);
    all.putAll(overrides);
    return all;
  }
}

package dev.headwater.bench;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Client properties. */
final class Kafka {
  private static final Predicate<String> OF_ANOTHER_BROKER =
      Pattern.compile("(^|\\.)(security|ssl|sasl)\\.").asPredicate();

  private Kafka() {}

  /** Those of a deployment, for the bench's own broker: on loopback, without a lock. */
  static Map<String, Object> on(String bootstrapServers, Map<String, Object> configured) {
    Map<String, Object> kafka = new HashMap<>(configured);
    kafka.keySet().removeIf(OF_ANOTHER_BROKER);
    kafka.remove("group.instance.id"); // of one instance; the bench has several
    kafka.put("bootstrap.servers", bootstrapServers);
    return kafka;
  }

  static Map<String, Object> with(Map<String, Object> kafka, Map<String, Object> more) {
    Map<String, Object> all = new HashMap<>(kafka);
    all.putAll(more);
    return all;
  }
}

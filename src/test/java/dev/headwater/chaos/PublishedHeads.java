package dev.headwater.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * What a trainer wrote to the topic of heads.
 *
 * @param history every version made live, in order, the bundle's own first
 * @param accepted those that a gate accepted, also where they were withdrawn later
 * @param refused those that it never accepted
 */
record PublishedHeads(List<Long> history, Set<Long> accepted, Set<Long> refused) {

  static PublishedHeads on(Run run) {
    List<Long> history = new ArrayList<>(List.of(0L));
    Set<Long> accepted = new HashSet<>();
    Set<Long> refused = new HashSet<>();
    for (ConsumerRecord<String, byte[]> r : run.on.committed(run.on.topics.heads())) {
      if (r.key().startsWith("live/")) {
        history.add(json(r).get("version").asLong());
      } else if (r.key().endsWith("/manifest") && r.value() != null) {
        JsonNode head = json(r).get("info");
        boolean serves = head.get("verdict").get("accepted").asBoolean();
        (serves ? accepted : refused).add(head.get("version").asLong());
      }
    }
    refused.removeAll(accepted); // a verdict is withdrawn by another
    return new PublishedHeads(history, accepted, refused);
  }

  private static JsonNode json(ConsumerRecord<String, byte[]> r) {
    try {
      return Json.MAPPER.readTree(r.value());
    } catch (IOException e) {
      throw new UncheckedIOException(r.key(), e);
    }
  }
}

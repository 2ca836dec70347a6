package dev.headwater.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import dev.headwater.stream.Guarantee;
import dev.headwater.stream.Guarantee.Kind;
import dev.headwater.stream.Guarantee.Violation;
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
 * @param back pointers that are no news, or point back to an older head and are no withdrawal
 */
record PublishedHeads(
    List<Long> history, Set<Long> accepted, Set<Long> refused, List<Violation> back) {

  static PublishedHeads on(Run run) {
    return of(run.on.committed(run.on.topics.heads()));
  }

  static PublishedHeads of(List<ConsumerRecord<String, byte[]>> committed) {
    List<Long> history = new ArrayList<>(List.of(0L));
    Set<Long> accepted = new HashSet<>();
    Set<Long> refused = new HashSet<>();
    List<Violation> back = new ArrayList<>();
    long highest = 0;
    long epoch = -1;
    for (ConsumerRecord<String, byte[]> r : committed) {
      if (r.key().startsWith("live/")) {
        JsonNode pointer = json(r);
        long version = pointer.get("version").asLong();
        boolean withdrawal = pointer.get("by").asText().equals("withdrawal");
        if (pointer.get("epoch").asLong() <= epoch || (version < highest && !withdrawal)) {
          back.add(
              new Violation(
                  Kind.WRONG, "%s, after epoch %d and head %d".formatted(pointer, epoch, highest)));
        }
        epoch = pointer.get("epoch").asLong();
        highest = Math.max(highest, version);
        history.add(version);
      } else if (r.key().endsWith("/manifest") && r.value() != null) {
        JsonNode head = json(r).get("info");
        boolean serves = head.get("verdict").get("accepted").asBoolean();
        (serves ? accepted : refused).add(head.get("version").asLong());
      }
    }
    refused.removeAll(accepted); // a verdict is withdrawn by another
    return new PublishedHeads(history, accepted, refused, back);
  }

  /** Whoever writes them, one that should be dead included. */
  Guarantee goBackByWithdrawalOnly() {
    return (sent, committed) -> back;
  }

  private static JsonNode json(ConsumerRecord<String, byte[]> r) {
    try {
      return Json.MAPPER.readTree(r.value());
    } catch (IOException e) {
      throw new UncheckedIOException(r.key(), e);
    }
  }
}

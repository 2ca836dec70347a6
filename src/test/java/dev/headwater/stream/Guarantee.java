package dev.headwater.stream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.schema.Prediction;
import dev.headwater.schema.Sample;
import dev.headwater.stream.selection.Selection;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Something that holds of everything that went in and everything that was committed. */
interface Guarantee {
  /**
   * @param valid whether it can be scored
   */
  record Sent(String recordId, int partition, boolean valid) {}

  /** What a read_committed consumer saw, in the order of each partition. */
  record Committed(
      List<ConsumerRecord<byte[], Prediction>> predictions,
      List<ConsumerRecord<byte[], byte[]>> deadLetters,
      List<ConsumerRecord<String, Sample>> samples) {}

  void check(List<Sent> sent, Committed committed);

  Guarantee EVERY_VALID_RECORD_IS_PREDICTED_ONCE =
      (sent, committed) ->
          assertThat(counts(committed.predictions(), r -> r.value().recordId()))
              .as("predictions by record id")
              .containsExactlyInAnyOrderEntriesOf(once(sent, true));

  Guarantee EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE =
      (sent, committed) ->
          assertThat(
                  counts(committed.deadLetters(), r -> Deployment.header(r, "headwater-record-id")))
              .as("dead letters by record id")
              .containsExactlyInAnyOrderEntriesOf(once(sent, false));

  /** Every record was answered once or more, each in its way. */
  Guarantee NOTHING_IS_LOST =
      (sent, committed) -> {
        assertThat(counts(committed.predictions(), r -> r.value().recordId()).keySet())
            .as("records predicted")
            .isEqualTo(once(sent, true).keySet());
        assertThat(
                counts(committed.deadLetters(), r -> Deployment.header(r, "headwater-record-id"))
                    .keySet())
            .as("records in dead letters")
            .isEqualTo(once(sent, false).keySet());
      };

  /** Predictions keep the key, and a test gives each partition one key, so they stay together. */
  Guarantee ORDER_IS_KEPT =
      (sent, committed) -> {
        Map<Integer, List<String>> wanted = new HashMap<>();
        for (Sent record : sent) {
          if (record.valid()) {
            wanted
                .computeIfAbsent(record.partition(), p -> new ArrayList<>())
                .add(record.recordId());
          }
        }
        Map<Integer, List<String>> found = new HashMap<>();
        for (ConsumerRecord<byte[], Prediction> r : committed.predictions()) {
          found
              .computeIfAbsent(r.value().source().partition(), p -> new ArrayList<>())
              .add(r.value().recordId());
        }
        assertThat(found).as("record ids in order, by source partition").isEqualTo(wanted);
      };

  Guarantee VERSIONS_NEVER_GO_BACK =
      (sent, committed) -> {
        Map<Integer, Long> last = new HashMap<>();
        for (ConsumerRecord<byte[], Prediction> r : committed.predictions()) {
          long before = last.getOrDefault(r.value().source().partition(), 0L);
          assertThat(r.value().headVersion())
              .as("head of %s", r.value().source())
              .isGreaterThanOrEqualTo(before);
          last.put(r.value().source().partition(), r.value().headVersion());
        }
      };

  /** By the ids the audit draws: each was labelled once, before or after it was scored. */
  static Guarantee everyAuditedRecordIsASampleOnce(Selection selection) {
    return (sent, committed) ->
        assertThat(counts(committed.samples(), r -> r.value().getRecordId()))
            .as("labelled samples by record id")
            .containsExactlyInAnyOrderEntriesOf(
                once(sent.stream().filter(s -> selection.audits(s.recordId())).toList(), true));
  }

  private static Map<String, Long> once(List<Sent> sent, boolean valid) {
    Map<String, Long> once = new LinkedHashMap<>();
    sent.stream().filter(s -> s.valid() == valid).forEach(s -> once.put(s.recordId(), 1L));
    return once;
  }

  private static <T> Map<String, Long> counts(List<T> records, Function<T, String> id) {
    return records.stream().collect(Collectors.groupingBy(id, Collectors.counting()));
  }
}

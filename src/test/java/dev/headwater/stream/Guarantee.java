package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.schema.Prediction;
import dev.headwater.schema.Sample;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Something that holds of everything that went in and everything that was committed. */
public interface Guarantee {
  /**
   * @param valid whether it can be scored
   */
  record Sent(String recordId, String key, boolean valid) {}

  /** What a read_committed consumer saw, in the order of each partition. */
  record Committed(
      List<ConsumerRecord<byte[], Prediction>> predictions,
      List<ConsumerRecord<byte[], byte[]>> deadLetters,
      List<ConsumerRecord<String, Sample>> samples) {

    public static Committed on(Deployment deployment) {
      return new Committed(
          deployment.committed(deployment.topics.predictions()),
          deployment.committed(deployment.topics.deadLetters()),
          deployment.committed(deployment.topics.samples()));
    }

    /** Those that made predictions, the bundle's own, 0, aside. */
    public Set<Long> heads() {
      return predictions.stream()
          .map(r -> r.value().leading().headVersion())
          .filter(version -> version > 0)
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  /** How something that should hold does not. */
  enum Kind {
    LOST,
    REPEATED,
    REORDERED,
    WRONG
  }

  record Violation(Kind kind, String what) {}

  /**
   * Everything that breaks it.
   *
   * @param sent in the order of sending
   */
  List<Violation> violations(List<Sent> sent, Committed committed);

  default void check(List<Sent> sent, Committed committed) {
    assertThat(violations(sent, committed)).isEmpty();
  }

  Guarantee EVERY_VALID_RECORD_IS_PREDICTED_ONCE =
      (sent, committed) ->
          once(
              "prediction",
              ids(sent, true),
              committed.predictions(),
              r -> r.value().recordId(),
              r -> r.value().source().recordId());

  Guarantee EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE =
      (sent, committed) ->
          once(
              "dead letter",
              ids(sent, false),
              committed.deadLetters(),
              r -> Deployment.header(r, "headwater-record-id"),
              r ->
                  "%s for %s: %s"
                      .formatted(
                          place(r),
                          Deployment.header(r, "__streams.errors.exception"),
                          Deployment.header(r, "__streams.errors.message")));

  /** Every record was answered once or more, each in its way. */
  Guarantee NOTHING_IS_LOST =
      (sent, committed) ->
          Stream.of(
                  EVERY_VALID_RECORD_IS_PREDICTED_ONCE, EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE)
              .flatMap(each -> each.violations(sent, committed).stream())
              .filter(violation -> violation.kind() != Kind.REPEATED)
              .toList();

  /** Between two partitions nobody is promised an order. */
  Guarantee ORDER_IS_KEPT = (sent, committed) -> reordered(sent, committed, Guarantee::lane);

  Guarantee PREDICTIONS_HAVE_THE_KEYS_OF_THEIR_RECORDS =
      (sent, committed) -> {
        Map<String, String> keys =
            sent.stream().collect(Collectors.toMap(Sent::recordId, Sent::key));
        return committed.predictions().stream()
            .filter(r -> !keys.getOrDefault(r.value().recordId(), key(r)).equals(key(r)))
            .map(
                r ->
                    new Violation(
                        Kind.WRONG,
                        "%s was sent under %s and predicted under %s"
                            .formatted(
                                r.value().recordId(), keys.get(r.value().recordId()), key(r))))
            .toList();
      };

  /** For as long as the number of partitions stays, on the way in and on the way out. */
  Guarantee EACH_KEY_HAS_ONE_PARTITION_AND_ITS_ORDER =
      (sent, committed) -> {
        List<Violation> violations =
            new ArrayList<>(
                reordered(sent, committed, r -> "%s of %d".formatted(key(r), r.partition())));
        committed.predictions().stream()
            .collect(
                Collectors.groupingBy(
                    Guarantee::key,
                    Collectors.mapping(
                        ConsumerRecord::partition, Collectors.toCollection(TreeSet::new))))
            .forEach(
                (key, partitions) -> {
                  if (partitions.size() > 1) {
                    violations.add(
                        new Violation(
                            Kind.WRONG, "%s is in partitions %s".formatted(key, partitions)));
                  }
                });
        return violations;
      };

  /**
   * Each record whose label was sent, once, before or after it was scored, and with that label.
   *
   * @param labelled by record id
   */
  static Guarantee everyLabelledRecordIsASampleOnce(Map<String, String> labelled) {
    return (sent, committed) -> {
      List<Violation> violations =
          new ArrayList<>(
              once(
                  "labelled sample",
                  labelled.keySet(),
                  committed.samples(),
                  r -> r.value().getRecordId(),
                  Guarantee::place));
      for (ConsumerRecord<String, Sample> r : committed.samples()) {
        String label = labelled.get(r.value().getRecordId());
        if (label != null && !label.equals(r.value().getLabel())) {
          violations.add(
              new Violation(
                  Kind.WRONG,
                  "%s is labelled %s, its sample %s"
                      .formatted(r.value().getRecordId(), label, r.value().getLabel())));
        }
      }
      return violations;
    };
  }

  /**
   * No partition is predicted by a head that was never live, nor by one that was live only before
   * the last it has seen.
   *
   * @param history every version made live, rollbacks too, in this order
   */
  static Guarantee headsAreThoseThatWereLiveInTheirOrder(List<Long> history) {
    return (sent, committed) -> {
      Map<String, Integer> reached = new HashMap<>();
      List<Violation> violations = new ArrayList<>();
      for (ConsumerRecord<byte[], Prediction> r : committed.predictions()) {
        int at = reached.getOrDefault(lane(r), 0);
        int next = history.subList(at, history.size()).indexOf(r.value().leading().headVersion());
        if (next < 0) {
          violations.add(
              new Violation(
                  Kind.WRONG,
                  "%s by head %d, after head %d in %s, of %s"
                      .formatted(
                          r.value().recordId(),
                          r.value().leading().headVersion(),
                          history.get(at),
                          lane(r),
                          history)));
        }
        reached.put(lane(r), at + Math.max(0, next));
      }
      return violations;
    };
  }

  /**
   * The head that a prediction names did make it.
   *
   * @param label what a version says, whatever it sees; of the bundle's own, 0, nothing is known
   */
  static Guarantee headsSayWhatTheyMust(LongFunction<String> label) {
    return (sent, committed) ->
        committed.predictions().stream()
            .map(ConsumerRecord::value)
            .filter(p -> p.leading().headVersion() > 0)
            .filter(p -> !label.apply(p.leading().headVersion()).equals(p.leading().label()))
            .map(
                p ->
                    new Violation(
                        Kind.WRONG,
                        "head %d said %s of %s"
                            .formatted(
                                p.leading().headVersion(), p.leading().label(), p.recordId())))
            .toList();
  }

  /**
   * No head served that its gate refused.
   *
   * @param accepted every version that a gate accepted, whatever was found out later
   */
  static Guarantee noHeadServesThatItsGateRefused(Set<Long> accepted) {
    return (sent, committed) ->
        committed.predictions().stream()
            .map(ConsumerRecord::value)
            .filter(
                p -> p.leading().headVersion() > 0 && !accepted.contains(p.leading().headVersion()))
            .map(
                p ->
                    new Violation(
                        Kind.WRONG,
                        "%s by head %d, which no gate accepted"
                            .formatted(p.recordId(), p.leading().headVersion())))
            .toList();
  }

  /**
   * Swaps take effect: of a scorer that never made one, nothing else here would be wrong.
   *
   * @param least versions that make predictions
   */
  static Guarantee headsAreSwapped(int least) {
    return (sent, committed) ->
        committed.heads().size() >= least
            ? List.of()
            : List.of(
                new Violation(
                    Kind.WRONG,
                    "%d heads or more were to serve, and %s did"
                        .formatted(least, committed.heads())));
  }

  /** From one partition of records to one of predictions. */
  private static String lane(ConsumerRecord<byte[], Prediction> r) {
    return "%s-%d to %d"
        .formatted(r.value().source().topic(), r.value().source().partition(), r.partition());
  }

  private static String key(ConsumerRecord<byte[], Prediction> r) {
    return r.key() == null ? "no key" : new String(r.key(), UTF_8);
  }

  /**
   * @param lane in which order is kept
   */
  private static List<Violation> reordered(
      List<Sent> sent,
      Committed committed,
      Function<ConsumerRecord<byte[], Prediction>, String> lane) {
    Map<String, Integer> turns = new HashMap<>();
    sent.forEach(record -> turns.put(record.recordId(), turns.size()));
    Map<String, Integer> last = new HashMap<>();
    List<Violation> violations = new ArrayList<>();
    for (ConsumerRecord<byte[], Prediction> r : committed.predictions()) {
      int turn = turns.getOrDefault(r.value().recordId(), Integer.MAX_VALUE);
      int before = last.getOrDefault(lane.apply(r), -1);
      if (turn < before) {
        violations.add(
            new Violation(
                Kind.REORDERED,
                "%s after %s in %s"
                    .formatted(r.value().recordId(), sent.get(before).recordId(), lane.apply(r))));
      } else if (turn < Integer.MAX_VALUE) {
        last.put(lane.apply(r), turn);
      }
    }
    return violations;
  }

  private static Set<String> ids(List<Sent> sent, boolean valid) {
    return sent.stream()
        .filter(s -> s.valid() == valid)
        .map(Sent::recordId)
        .collect(Collectors.toSet());
  }

  private static String place(ConsumerRecord<?, ?> r) {
    return "%s-%d-%d".formatted(r.topic(), r.partition(), r.offset());
  }

  /**
   * @param from where one came from, for whoever asks why there are two
   */
  private static <K, V> List<Violation> once(
      String what,
      Set<String> wanted,
      List<ConsumerRecord<K, V>> found,
      Function<ConsumerRecord<K, V>, String> id,
      Function<ConsumerRecord<K, V>, String> from) {
    Map<String, List<ConsumerRecord<K, V>>> byId =
        found.stream().collect(Collectors.groupingBy(r -> String.valueOf(id.apply(r))));
    List<Violation> violations = new ArrayList<>();
    for (String one : wanted) {
      if (!byId.containsKey(one)) {
        violations.add(new Violation(Kind.LOST, "no %s of %s".formatted(what, one)));
      }
    }
    byId.forEach(
        (one, records) -> {
          if (!wanted.contains(one)) {
            violations.add(
                new Violation(
                    Kind.WRONG, "a %s of %s: %s".formatted(what, one, from.apply(records.get(0)))));
          } else if (records.size() > 1) {
            violations.add(
                new Violation(
                    Kind.REPEATED,
                    "%d %ss of %s: %s"
                        .formatted(
                            records.size(), what, one, records.stream().map(from).toList())));
          }
        });
    return violations;
  }
}

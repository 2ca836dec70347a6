package dev.headwater.stream;

import static dev.headwater.stream.Guarantee.Kind.LOST;
import static dev.headwater.stream.Guarantee.Kind.REORDERED;
import static dev.headwater.stream.Guarantee.Kind.REPEATED;
import static dev.headwater.stream.Guarantee.Kind.WRONG;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.stream.Guarantee.Committed;
import dev.headwater.stream.Guarantee.Kind;
import dev.headwater.stream.Guarantee.Sent;
import dev.headwater.stream.Guarantee.Violation;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A run in which all guarantees hold, and for each way to break one of them the same run so. */
class GuaranteeTest {
  private static final List<Sent> SENT =
      List.of(
          new Sent("a", "k1", true),
          new Sent("b", "k2", true),
          new Sent("c", "k1", true),
          new Sent("d", "k3", true),
          new Sent("poison", "k1", false));

  private static final List<Guarantee> ALL =
      List.of(
          Guarantee.EVERY_VALID_RECORD_IS_PREDICTED_ONCE,
          Guarantee.EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE,
          Guarantee.ORDER_IS_KEPT,
          Guarantee.PREDICTIONS_HAVE_THE_KEYS_OF_THEIR_RECORDS,
          Guarantee.EACH_KEY_HAS_ONE_PARTITION_AND_ITS_ORDER,
          Guarantee.everyLabelledRecordIsASampleOnce(Map.of("a", "yes", "b", "no")),
          Guarantee.headsAreThoseThatWereLiveInTheirOrder(List.of(0L, 1L, 2L, 1L, 3L)),
          Guarantee.headsSayWhatTheyMust(version -> "says-" + version),
          Guarantee.noHeadServesThatItsGateRefused(Set.of(1L, 2L, 9L)),
          Guarantee.headsAreSwapped(2));

  /** Of two partitions, one of them through a rollback. */
  private final List<ConsumerRecord<byte[], Prediction>> predictions =
      new ArrayList<>(List.of(by(2, "d", 1), by(1, "a", 0), by(2, "b", 0), by(1, "c", 0)));

  private final List<ConsumerRecord<byte[], byte[]>> deadLetters =
      new ArrayList<>(List.of(dead("poison")));

  private final List<ConsumerRecord<String, Sample>> samples =
      new ArrayList<>(List.of(sample("b", "no"), sample("a", "yes")));

  @Test
  void nothingIsSaidOfARunThatKeepsAll() {
    assertThat(violations()).isEmpty();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("breaks")
  void whatIsBrokenIsSaidAndNothingElse(
      String name, Consumer<GuaranteeTest> breaking, Violation said) {
    breaking.accept(this);

    assertThat(violations()).containsExactly(said);
  }

  static Stream<Arguments> breaks() {
    return Stream.of(
        breaks("a lost prediction", run -> run.predictions.remove(2), LOST, "no prediction of b"),
        breaks(
            "a repeated prediction",
            run -> run.predictions.add(2, by(1, "a", 0)),
            REPEATED,
            "2 predictions of a: [in-0-0, in-0-0]"),
        breaks(
            "a prediction of what nobody sent",
            run -> run.predictions.add(by(1, "stray", 0)),
            WRONG,
            "a prediction of stray: in-0-0"),
        breaks(
            "a prediction of poison",
            run -> run.predictions.add(by(1, "poison", 0)),
            WRONG,
            "a prediction of poison: in-0-0"),
        breaks(
            "a lost dead letter", run -> run.deadLetters.clear(), LOST, "no dead letter of poison"),
        breaks(
            "a repeated dead letter",
            run -> run.deadLetters.add(dead("poison")),
            REPEATED,
            "2 dead letters of poison: [dead-0-0 for null: null, dead-0-0 for null: null]"),
        breaks(
            "a dead letter of a sound record",
            run -> run.deadLetters.add(dead("a")),
            WRONG,
            "a dead letter of a: dead-0-0 for null: null"),
        breaks(
            "two predictions out of order",
            run -> {
              run.predictions.set(1, by(1, "b", 0));
              run.predictions.set(2, by(2, "a", 0));
            },
            REORDERED,
            "a after b in in-0 to 0"),
        breaks(
            "two predictions of a key out of order, from two partitions",
            run -> {
              run.predictions.remove(3);
              run.predictions.add(1, prediction(1, "says-1", "c", "k1", 2, 0));
            },
            REORDERED,
            "a after c in k1 of 0"),
        breaks(
            "a key in two partitions",
            run -> run.predictions.set(3, prediction(1, "says-1", "c", "k1", 0, 1)),
            WRONG,
            "k1 is in partitions [0, 1]"),
        breaks(
            "a prediction under another key",
            run -> run.predictions.set(3, prediction(1, "says-1", "c", "k4", 0, 0)),
            WRONG,
            "c was sent under k1 and predicted under k4"),
        breaks("a lost sample", run -> run.samples.remove(0), LOST, "no labelled sample of b"),
        breaks(
            "a repeated sample",
            run -> run.samples.add(sample("a", "yes")),
            REPEATED,
            "2 labelled samples of a: [samples-0-0, samples-0-0]"),
        breaks(
            "a sample of what nobody labelled",
            run -> run.samples.add(sample("c", "yes")),
            WRONG,
            "a labelled sample of c: samples-0-0"),
        breaks(
            "a sample with another label",
            run -> run.samples.set(1, sample("a", "no")),
            WRONG,
            "a is labelled yes, its sample no"),
        breaks(
            "a head that was over",
            run -> run.predictions.set(3, by(0, "c", 0)),
            WRONG,
            "c by head 0, after head 2 in in-0 to 0, of [0, 1, 2, 1, 3]"),
        breaks(
            "a head that was never live",
            run -> run.predictions.set(3, by(9, "c", 0)),
            WRONG,
            "c by head 9, after head 2 in in-0 to 0, of [0, 1, 2, 1, 3]"),
        breaks(
            "a head that no gate accepted",
            run -> run.predictions.set(3, by(3, "c", 0)),
            WRONG,
            "c by head 3, which no gate accepted"),
        breaks(
            "another head than the one that is named",
            run -> run.predictions.set(3, prediction(1, "says-2", "c", "k1", 0, 0)),
            WRONG,
            "head 1 said says-2 of c"),
        breaks(
            "one head from first to last",
            run -> {
              run.predictions.set(0, by(1, "d", 1));
              run.predictions.set(2, by(1, "b", 0));
            },
            WRONG,
            "2 heads or more were to serve, and [1] did"));
  }

  @Test
  void nothingIsLostOfWhatIsThereTwice() {
    predictions.add(predictions.get(0));
    deadLetters.add(dead("poison"));
    assertThat(Guarantee.NOTHING_IS_LOST.violations(SENT, committed())).isEmpty();

    predictions.remove(1);
    deadLetters.clear();
    assertThat(Guarantee.NOTHING_IS_LOST.violations(SENT, committed()))
        .containsExactly(
            new Violation(LOST, "no prediction of a"),
            new Violation(LOST, "no dead letter of poison"));
  }

  private static Arguments breaks(
      String name, Consumer<GuaranteeTest> breaking, Kind kind, String said) {
    return Arguments.of(name, breaking, new Violation(kind, said));
  }

  private Committed committed() {
    return new Committed(predictions, deadLetters, samples);
  }

  private List<Violation> violations() {
    return ALL.stream().flatMap(each -> each.violations(SENT, committed()).stream()).toList();
  }

  /** Under its record's key, from a partition to the one of the same number. */
  private static ConsumerRecord<byte[], Prediction> by(long head, String id, int partition) {
    String key =
        SENT.stream().filter(s -> s.recordId().equals(id)).map(Sent::key).findFirst().orElse("k5");
    return prediction(head, "says-" + head, id, key, partition, partition);
  }

  private static ConsumerRecord<byte[], Prediction> prediction(
      long head, String label, String id, String key, int from, int to) {
    TaskPrediction said = new TaskPrediction("kind", label, 1, List.of(), head, null);
    return new ConsumerRecord<>(
        "out",
        to,
        0,
        key.getBytes(UTF_8),
        Prediction.of(id, new Source("in", from, 0), List.of(said)));
  }

  private static ConsumerRecord<byte[], byte[]> dead(String id) {
    ConsumerRecord<byte[], byte[]> letter =
        new ConsumerRecord<>("dead", 0, 0, new byte[0], new byte[0]);
    letter.headers().add("headwater-record-id", id.getBytes(UTF_8));
    return letter;
  }

  private static ConsumerRecord<String, Sample> sample(String id, String label) {
    Sample sample =
        Sample.newBuilder()
            .setRecordId(id)
            .setTask("kind")
            .setBackbone("b")
            .setRows(1)
            .setDim(1)
            .setFeatures(SampleSerde.pack(new float[] {1}))
            .setReason(Reason.AUDIT)
            .setWeight(1)
            .setConfidence(1)
            .setHeadVersion(1)
            .setRecordTime(Instant.EPOCH)
            .setLabel(label)
            .build();
    return new ConsumerRecord<>("samples", 0, 0, id, sample);
  }
}

package dev.headwater.stream.labels;

import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Label;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topics;
import dev.headwater.stream.guard.Limits;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;

/**
 * Two sub-topologies: <em>rekey</em> (labels to labels-by-id) and <em>join</em> (pending and
 * labels-by-id to samples). What lies between are ordinary topics with a partition count of their
 * own: one inherited from {@code records} would stop the group when somebody adds partitions there.
 *
 * @param checks by task that labels may name
 * @param labelWait how long a record waits for its label, and a label for its record
 */
public record LabelTopology(
    Topics topics,
    Map<String, LabelCheck> checks,
    Duration labelWait,
    Limits limits,
    ScorerMetrics metrics) {
  static final String WAITING = "waiting-by-id";
  static final String EARLY = "early-labels-by-id";
  static final String LABELS_BY_ID_SINK = "labels-by-id-sink";
  static final String SAMPLES_SINK = "joined-samples-sink";
  static final String REVIEW_SINK = "erased-review-sink";

  /** The topics in which Streams keeps what its stores hold. */
  public static List<String> changelogs(String application) {
    return Stream.of(WAITING, EARLY)
        .map(store -> application + "-" + store + "-changelog")
        .toList();
  }

  /** Adds both to {@code topology}. */
  public void addTo(Topology topology) {
    rekey(topology);
    join(topology);
  }

  private void rekey(Topology topology) {
    topology
        .addSource("labels", bytes(), bytes(), topics.labels().name())
        .addProcessor("rekey", () -> new RekeyProcessor(this), "labels")
        .addSink(LABELS_BY_ID_SINK, topics.labelsById().name(), raw(), raw(), "rekey");
  }

  private void join(Topology topology) {
    topology
        .addSource(
            "pending",
            topics.pending().key().deserializer(),
            topics.pending().value().deserializer(),
            topics.pending().name())
        .addSource(
            "labels-by-id",
            topics.labelsById().key().deserializer(),
            topics.labelsById().value().deserializer(),
            topics.labelsById().name())
        .addProcessor("join", () -> new JoinProcessor(this), "pending", "labels-by-id")
        .addStateStore(store(WAITING, topics.pending().value()), "join")
        .addStateStore(store(EARLY, topics.labelsById().value()), "join")
        .addSink(SAMPLES_SINK, topics.samples().name(), raw(), raw(), "join")
        .addSink(REVIEW_SINK, topics.review().name(), raw(), raw(), "join");
  }

  private static <V> StoreBuilder<TimestampedKeyValueStore<String, V>> store(
      String name, Serde<V> value) {
    return Stores.timestampedKeyValueStoreBuilder(
        Stores.persistentTimestampedKeyValueStore(name), Serdes.String(), value);
  }

  private static ByteArrayDeserializer bytes() {
    return new ByteArrayDeserializer();
  }

  private static ByteArraySerializer raw() {
    return new ByteArraySerializer();
  }

  /** Where a task of a record waits; those of one record lie side by side. */
  static String storeKey(String recordId, String task) {
    return recordId + '\0' + task;
  }

  /** Completes a waiting record with its label. */
  static Sample labelled(Sample waiting, Label label, long now) {
    return Sample.newBuilder(waiting)
        .setLabel(label.label())
        .setLabelTime(Instant.ofEpochMilli(now))
        .build();
  }
}

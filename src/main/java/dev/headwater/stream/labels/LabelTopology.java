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
 * Defines two sub-topologies: <em>rekey</em> (labels to labels-by-id) and <em>join</em> (pending
 * and labels-by-id to samples). The topics between them have their own partition count. With
 * internal topics that inherit it from {@code records}, adding partitions there would stop the
 * group.
 *
 * @param checks label checks by task; labels for other tasks are dead letters
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

  /** Returns the names of the changelog topics of the state stores. */
  public static List<String> changelogs(String application) {
    return Stream.of(WAITING, EARLY)
        .map(store -> application + "-" + store + "-changelog")
        .toList();
  }

  /** Adds both sub-topologies to {@code topology}. */
  public void addTo(Topology topology) {
    addRekey(topology);
    addJoin(topology);
  }

  private void addRekey(Topology topology) {
    topology
        .addSource("labels", deserializer(), deserializer(), topics.labels().name())
        .addProcessor("rekey", () -> new RekeyProcessor(this), "labels")
        .addSink(
            LABELS_BY_ID_SINK, topics.labelsById().name(), serializer(), serializer(), "rekey");
  }

  private void addJoin(Topology topology) {
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
        .addSink(SAMPLES_SINK, topics.samples().name(), serializer(), serializer(), "join")
        .addSink(REVIEW_SINK, topics.review().name(), serializer(), serializer(), "join");
  }

  private static <V> StoreBuilder<TimestampedKeyValueStore<String, V>> store(
      String name, Serde<V> value) {
    return Stores.timestampedKeyValueStoreBuilder(
        Stores.persistentTimestampedKeyValueStore(name), Serdes.String(), value);
  }

  private static ByteArrayDeserializer deserializer() {
    return new ByteArrayDeserializer();
  }

  private static ByteArraySerializer serializer() {
    return new ByteArraySerializer();
  }

  /** Returns the store key of a record and task; the keys of one record are adjacent. */
  static String storeKey(String recordId, String task) {
    return recordId + '\0' + task;
  }

  /** Returns a pending sample with its label. */
  static Sample labelled(Sample pending, Label label, long now) {
    return Sample.newBuilder(pending)
        .setLabel(label.label())
        .setLabelTime(Instant.ofEpochMilli(now))
        .build();
  }
}

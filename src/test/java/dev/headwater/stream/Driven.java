package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.stream.guard.DeadLetterHandler;
import dev.headwater.stream.guard.EventTime;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.labels.LabelCheck;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;
import org.jspecify.annotations.Nullable;

/** The topology under Kafka's test driver, with a stub for the network and a clock of its own. */
final class Driven implements AutoCloseable {
  private static final Set<String> LABELS = Set.of("yes", "no");
  static final Duration LABEL_WAIT = Duration.ofMinutes(10);
  static final Instant START = Instant.parse("2026-01-02T03:04:05Z");

  final Topics topics = Topics.of(TopicNames.prefixed("t"));
  final InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
  final StubScorer scorer;
  private final TopologyTestDriver driver;

  Driven(Path stateDir, Selection selection) {
    this(stateDir, selection, new Limits(1 << 20, Map.of()));
  }

  Driven(Path stateDir, Selection selection, Limits limits) {
    this(stateDir, selection, limits, new StubScorer());
  }

  /** With as many tasks, {@code answer} and {@code mood}, as the stub has. */
  Driven(Path stateDir, Selection selection, Limits limits, StubScorer scorer) {
    this(stateDir, selection, limits, scorer, Driven::check);
  }

  /** With labels other than {@code yes} and {@code no}. */
  Driven(Path stateDir, Selection selection, LabelCheck check) {
    this(stateDir, selection, new Limits(1 << 20, Map.of()), new StubScorer(), check);
  }

  Driven(Path stateDir, Selection selection, Limits limits, StubScorer scorer, LabelCheck check) {
    this.scorer = scorer;
    StreamSettings settings = settings(stateDir, selection, scorer.unlabelled);
    ScoringTopology topology = topology(topics, settings, scorer, limits, metrics, check);
    driver = new TopologyTestDriver(topology.get(), properties(stateDir, limits), START);
  }

  static ScoringTopology topology(
      Topics topics,
      StreamSettings settings,
      Scorer scorer,
      Limits limits,
      InMemoryScorerMetrics metrics) {
    return topology(topics, settings, scorer, limits, metrics, Driven::check);
  }

  private static ScoringTopology topology(
      Topics topics,
      StreamSettings settings,
      Scorer scorer,
      Limits limits,
      InMemoryScorerMetrics metrics,
      LabelCheck check) {
    List<ScoringTopology.Task> tasks =
        Stream.of("answer", "mood")
            .limit(scorer instanceof StubScorer stub ? stub.tasks : 1)
            .map(
                name ->
                    new ScoringTopology.Task(
                        name,
                        "backbone-1",
                        "/label",
                        check,
                        Optional.empty(),
                        Driven::summary,
                        scorer instanceof StubScorer stub && name.equals(stub.drawsNone)
                            ? Optional.empty()
                            : Optional.of(Driven::drawn)))
            .toList();
    return new ScoringTopology(topics, settings, tasks, scorer, limits, metrics);
  }

  static StreamSettings settings(Path stateDir, Selection selection) {
    return settings(stateDir, selection, 0);
  }

  /** What a record is compared by: its features but for the last. */
  static float[] summary(float[] features) {
    return Arrays.copyOf(features, features.length - 1);
  }

  /** What travels of one that is only drawn: the first of them. */
  static float[] drawn(float[] features) {
    return Arrays.copyOf(features, 1);
  }

  private static void check(String label, String field, @Nullable String recordId)
      throws InvalidRecordException {
    if (!LABELS.contains(label)) {
      throw new InvalidRecordException(field, "is not in the closed label set", recordId);
    }
  }

  private static StreamSettings settings(Path stateDir, Selection selection, double unlabelled) {
    return new StreamSettings(
        "app",
        stateDir,
        1,
        StreamSettings.Guarantee.AT_LEAST_ONCE,
        StreamSettings.Protocol.CLASSIC,
        Duration.ofMillis(100),
        Duration.ZERO,
        selection,
        unlabelled,
        LABEL_WAIT,
        2,
        1 << 20,
        1 << 20,
        Duration.ofSeconds(10));
  }

  private Properties properties(Path stateDir, Limits limits) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    properties.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
    properties.put(
        StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, topics.deadLetters().name());
    properties.put(
        StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
    properties.put(DeadLetterHandler.MAX_BYTES_CONFIG, limits.of(topics.deadLetters().name()));
    properties.put(StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG, EventTime.class);
    return properties;
  }

  void record(String value) {
    record("key", value.getBytes(UTF_8), new RecordHeaders());
  }

  void record(String key, byte[] value, Headers headers) {
    Topic<byte[], byte[]> records = topics.records().get(0);
    driver
        .createInputTopic(records.name(), records.key().serializer(), records.value().serializer())
        .pipeInput(new TestRecord<>(key.getBytes(UTF_8), value, headers, START));
  }

  void label(String recordId, String label) {
    label(recordId, "answer", label);
  }

  void label(String recordId, String task, String label) {
    rawLabel(json(new Label(recordId, task, label)));
  }

  void rawLabel(byte[] value) {
    label(value, new RecordHeaders());
  }

  void label(byte[] value, Headers headers) {
    driver
        .createInputTopic(
            topics.labels().name(),
            topics.labels().key().serializer(),
            topics.labels().value().serializer())
        .pipeInput(new TestRecord<>(null, value, headers, START));
  }

  void erase(String recordId) {
    erase(recordId, new RecordHeaders());
  }

  void erase(String recordId, Headers headers) {
    driver
        .createInputTopic(
            topics.labels().name(),
            topics.labels().key().serializer(),
            topics.labels().value().serializer())
        .pipeInput(new TestRecord<>(recordId.getBytes(UTF_8), null, headers, START));
  }

  /** Of a topic in between: as what was appended then and is read now. */
  void pending(Sample sample, Instant appended) {
    driver
        .createInputTopic(
            topics.pending().name(),
            topics.pending().key().serializer(),
            topics.pending().value().serializer())
        .pipeInput(new TestRecord<>(sample.getRecordId(), sample, appended));
  }

  void advance(Duration time) {
    driver.advanceWallClockTime(time);
  }

  <K, V> List<TestRecord<K, V>> read(Topic<K, V> topic) {
    return driver
        .createOutputTopic(topic.name(), topic.key().deserializer(), topic.value().deserializer())
        .readRecordsToList();
  }

  /** What Streams made for itself: changelogs, and repartition topics if there were any. */
  SortedSet<String> internalTopics() {
    return driver.producedTopicNames().stream()
        .filter(name -> name.startsWith("app-"))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  static String header(TestRecord<?, ?> record, String name) {
    Header header = record.headers().lastHeader(name);
    return header == null ? null : new String(header.value(), UTF_8);
  }

  static byte[] json(Object value) {
    try {
      return Json.MAPPER.writeValueAsBytes(value);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    driver.close();
  }
}

package dev.headwater.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.stream.ahead.ReadAhead;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.labels.StoreMemory;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.streams.StreamsConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StreamPropertiesTest {
  private static final Selection NONE = new Selection(0, 0);
  private static final Limits LIMITS = new Limits(5_000, Map.of("t-dead-letters", 4_000));
  private static final StoreMemory MEMORY = new StoreMemory(1 << 20);
  private static final Consumer<ConsumerRecords<byte[], byte[]>> SINK = records -> {};

  @Test
  void isExactlyOnceOnTheClassicProtocolUnlessToldOtherwise() {
    StreamsConfig config = new StreamsConfig(properties(settings(), Map.of()));

    assertThat(config.getString("processing.guarantee")).isEqualTo("exactly_once_v2");
    assertThat(config.getString("group.protocol")).isEqualTo("classic");
    assertThat(config.getLong("commit.interval.ms")).isEqualTo(100);
    assertThat(config.getProducerConfigs("p")).containsEntry("linger.ms", 100L);
    assertThat(config.getProducerConfigs("p")).containsEntry("max.request.size", 5_000);
    assertThat(config.getString("errors.dead.letter.queue.topic.name")).isEqualTo("t-dead-letters");
  }

  @Test
  void passesClientPropertiesThrough() {
    StreamsConfig config =
        new StreamsConfig(
            properties(
                settings(),
                Map.of("security.protocol", "SSL", "main.consumer.max.poll.records", 77)));

    assertThat(config.getProducerConfigs("p")).containsEntry("security.protocol", "SSL");
    assertThat(config.getMainConsumerConfigs("g", "c", 0)).containsEntry("max.poll.records", 77);
  }

  @Test
  void gathersLargerBatchesThanKafkaDoesUnlessToldOtherwise() {
    assertThat(batchSize(Map.of())).isEqualTo(64 << 10);
    assertThat(batchSize(Map.of("batch.size", 10))).isEqualTo(10);
    assertThat(batchSize(Map.of("batch.size", 10, "producer.batch.size", 20))).isEqualTo(20);
  }

  private static Object batchSize(Map<String, Object> more) {
    return new StreamsConfig(properties(settings(), more))
        .getProducerConfigs("p")
        .get("batch.size");
  }

  @Test
  void hasAllStoresShareTheirMemoryUnlessSomebodyConfiguresThem() {
    Properties ours = properties(settings(), Map.of());
    assertThat(ours).containsEntry("rocksdb.config.setter", StoreMemory.Shared.class.getName());
    assertThat(new StreamsConfig(ours).originals()).containsEntry(StoreMemory.CONFIG, MEMORY);
    assertThat(properties(settings(), Map.of("rocksdb.config.setter", "their.Setter")))
        .containsEntry("rocksdb.config.setter", "their.Setter");
  }

  @Test
  void letsNoPropertyUndoWhatTheTopologyDependsOn() {
    StreamsConfig config =
        new StreamsConfig(
            properties(
                settings(),
                Map.of(
                    "processing.guarantee", "at_least_once",
                    "processing.exception.handler", "gone.Handler",
                    "default.timestamp.extractor", "gone.Extractor")));

    assertThat(config.getString("processing.guarantee")).isEqualTo("exactly_once_v2");
    assertThat(config.getClass("processing.exception.handler").getSimpleName())
        .isEqualTo("DeadLetterHandler");
  }

  @Test
  void waitsForNoTopicBesideTheOneThatHasRecords() {
    assertThat(new StreamsConfig(properties(settings(), Map.of())).getLong("max.task.idle.ms"))
        .as("-1: never")
        .isEqualTo(-1);
    assertThat(
            new StreamsConfig(properties(settings(), Map.of("max.task.idle.ms", 5)))
                .getLong("max.task.idle.ms"))
        .isEqualTo(5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"main.consumer.", "consumer.", ""})
  void readsAheadBesideTheUsersOwnInterceptor(String prefix) {
    StreamsConfig config =
        new StreamsConfig(properties(settings(), Map.of(prefix + "interceptor.classes", "my.Own")));

    Map<String, Object> consumer = config.getMainConsumerConfigs("g", "c", 0);
    assertThat(consumer.get("interceptor.classes"))
        .isEqualTo("my.Own," + ReadAhead.class.getName());
    assertThat(consumer.get(ReadAhead.SINK_CONFIG)).as("by identity").isSameAs(SINK);
  }

  @Test
  void takesTheProducersRequestSizeWhereverItIsSaid() {
    assertThat(StreamProperties.maxRequestSize(Map.of())).isEqualTo(2 << 20);
    assertThat(StreamProperties.maxRequestSize(Map.of("max.request.size", "123"))).isEqualTo(123);
    assertThat(
            StreamProperties.maxRequestSize(
                Map.of("max.request.size", 1, "producer.max.request.size", 456)))
        .isEqualTo(456);
    assertThatThrownBy(() -> StreamProperties.maxRequestSize(Map.of("max.request.size", "big")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("max.request.size");
  }

  @Test
  void refusesSettingsThatCannotBe() {
    StreamSettings good = settings();
    assertThatThrownBy(() -> StreamSettings.of(" ", Path.of("s"), NONE))
        .hasMessageContaining("application id");
    assertThatThrownBy(() -> with(good, 0, Duration.ofDays(1), 1))
        .hasMessageContaining("threads must be at least 1, got 0");
    assertThatThrownBy(() -> with(good, 1, Duration.ZERO, 1))
        .hasMessageContaining("label wait must be at least 1 ms, got PT0S");
    assertThatThrownBy(() -> with(good, 1, Duration.ofDays(1), 0))
        .hasMessageContaining("top-k must be at least 1, got 0");
  }

  private static StreamSettings with(StreamSettings s, int threads, Duration labelWait, int top) {
    return new StreamSettings(
        s.applicationId(),
        s.stateDir(),
        threads,
        s.guarantee(),
        s.protocol(),
        s.commitInterval(),
        s.linger(),
        s.selection(),
        s.unlabelledShare(),
        labelWait,
        top,
        s.readAheadBytes(),
        s.storeBytes(),
        s.closeTimeout());
  }

  private static StreamSettings settings() {
    return StreamSettings.of("app", Path.of("state"), NONE);
  }

  private static Properties properties(StreamSettings settings, Map<String, Object> more) {
    Map<String, Object> kafka = new HashMap<>(more);
    kafka.put("bootstrap.servers", "none:1");
    return StreamProperties.of(
        settings, Topics.of(TopicNames.prefixed("t")), kafka, LIMITS, MEMORY, SINK);
  }
}

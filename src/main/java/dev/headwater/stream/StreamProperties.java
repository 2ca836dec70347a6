package dev.headwater.stream;

import dev.headwater.schema.Topics;
import dev.headwater.stream.ahead.ReadAhead;
import dev.headwater.stream.guard.DeadLetterHandler;
import dev.headwater.stream.guard.EventTime;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.guard.TopicLimits;
import dev.headwater.stream.labels.StoreMemory;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.DefaultProductionExceptionHandler;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;

/** Builds the Kafka Streams configuration from client properties and stream settings. */
final class StreamProperties {
  private static final String MAX_REQUEST_SIZE =
      StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG);
  private static final String BATCH_SIZE =
      StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG);
  private static final String INTERCEPTORS =
      StreamsConfig.mainConsumerPrefix(ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG);

  // a dead letter is a complete record with more headers, so Kafka's default of 1 MiB is too small
  private static final int DEFAULT_MAX_REQUEST_SIZE = 2 << 20;

  // Kafka's default of 16 KiB splits the records of one linger into a dozen batches per partition,
  // each with its own cost on the broker
  private static final int DEFAULT_BATCH_SIZE = 64 << 10;

  private StreamProperties() {}

  /** Returns the producer's {@code max.request.size}: the configured value or the default. */
  static int maxRequestSize(Map<String, Object> kafka) {
    Object size =
        kafka.getOrDefault(
            MAX_REQUEST_SIZE,
            kafka.getOrDefault(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, DEFAULT_MAX_REQUEST_SIZE));
    return (Integer)
        ConfigDef.parseType(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, size, ConfigDef.Type.INT);
  }

  /** Returns the configured interceptors of the main consumer, followed by the read-ahead. */
  private static String interceptors(Map<String, Object> kafka) {
    String plain = ConsumerConfig.INTERCEPTOR_CLASSES_CONFIG;
    String readAhead = ReadAhead.class.getName();
    return Stream.of(INTERCEPTORS, StreamsConfig.consumerPrefix(plain), plain)
        .map(kafka::get)
        .filter(Objects::nonNull)
        .map(configured -> configured + "," + readAhead)
        .findFirst()
        .orElse(readAhead);
  }

  /**
   * Returns the configuration.
   *
   * @param memory shared memory of the state stores
   * @param polls receives each poll of the main consumer before the tasks do
   */
  static Properties of(
      StreamSettings settings,
      Topics topics,
      Map<String, Object> kafka,
      Limits limits,
      StoreMemory memory,
      Consumer<ConsumerRecords<byte[], byte[]>> polls) {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(MAX_REQUEST_SIZE, limits.maxRequestSize());
    config.put(INTERCEPTORS, interceptors(kafka));
    config.put(StreamsConfig.mainConsumerPrefix(ReadAhead.SINK_CONFIG), polls);
    config.put(
        StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG),
        settings.linger().toMillis());
    config.putIfAbsent(
        BATCH_SIZE, config.getOrDefault(ProducerConfig.BATCH_SIZE_CONFIG, DEFAULT_BATCH_SIZE));
    config.put(StoreMemory.CONFIG, memory);
    config.putIfAbsent(
        StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, StoreMemory.Shared.class.getName());
    config.putIfAbsent(
        StreamsConfig.topicPrefix(TopicConfig.MAX_MESSAGE_BYTES_CONFIG),
        TopicLimits.changelogBytes(limits, topics));
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.applicationId());
    config.put(StreamsConfig.STATE_DIR_CONFIG, settings.stateDir().toString());
    config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.threads());
    config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, settings.guarantee().property());
    config.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, settings.protocol().property());
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.commitInterval().toMillis());
    // the join does not depend on the order between topics, so tasks need not wait for all of them
    config.putIfAbsent(
        StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, StreamsConfig.MAX_TASK_IDLE_MS_DISABLED);
    config.put(StreamsConfig.ENSURE_EXPLICIT_INTERNAL_RESOURCE_NAMING_CONFIG, true);
    // the topology has no global store; if unset, Kafka Streams and its assignor warn at each start
    String global = StreamsConfig.PROCESSING_EXCEPTION_HANDLER_GLOBAL_ENABLED_CONFIG;
    config.put(global, true);
    config.put(StreamsConfig.mainConsumerPrefix(global), true);
    config.putAll(failures(topics, limits));
    Properties properties = new Properties();
    properties.putAll(config);
    return properties;
  }

  /** Invalid records go to dead letters; a failed write stops the task, which is then retried. */
  private static Map<String, Object> failures(Topics topics, Limits limits) {
    return Map.of(
        StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG,
        topics.deadLetters().name(),
        StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG,
        DeadLetterHandler.class,
        DeadLetterHandler.MAX_BYTES_CONFIG,
        limits.of(topics.deadLetters().name()),
        StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG,
        LogAndContinueExceptionHandler.class,
        StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG,
        DefaultProductionExceptionHandler.class,
        StreamsConfig.DEFAULT_TIMESTAMP_EXTRACTOR_CLASS_CONFIG,
        EventTime.class);
  }
}

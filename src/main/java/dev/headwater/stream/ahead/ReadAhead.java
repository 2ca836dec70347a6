package dev.headwater.stream.ahead;

import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Sees each whole poll of the main consumer before the tasks do, and hands it to the scorer, which
 * begins inference in batches. Holds nothing back and changes nothing: offsets, order, exactly-once
 * and dead letters keep their ordinary meaning. A failure here costs speed only, for what was not
 * begun is computed when its turn comes; Kafka logs it.
 */
public final class ReadAhead implements ConsumerInterceptor<byte[], byte[]> {
  /** Main-consumer configuration: what to hand the polls to, by identity. */
  public static final String SINK_CONFIG = "headwater.read.ahead";

  private Consumer<ConsumerRecords<byte[], byte[]>> sink = records -> {};

  @Override
  @SuppressWarnings("unchecked") // only this service puts anything there
  public void configure(Map<String, ?> configs) {
    if (configs.get(SINK_CONFIG) instanceof Consumer<?> configured) {
      sink = (Consumer<ConsumerRecords<byte[], byte[]>>) configured;
    }
  }

  @Override
  public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
    sink.accept(records);
    return records;
  }

  @Override
  public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {
    // nothing to undo: entries leave the memo as their records are processed
  }

  @Override
  public void close() {
    // the scorer outlives its consumers
  }
}

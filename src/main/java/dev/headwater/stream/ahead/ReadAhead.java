package dev.headwater.stream.ahead;

import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Passes the records of each poll of the main consumer to the scorer, which starts inference in
 * batches before the stream tasks process them. The records are not delayed or changed, so offsets,
 * order, exactly-once and dead letters are unaffected. Kafka logs a failure here. It only reduces
 * throughput, because missing results are computed when their records are processed.
 */
public final class ReadAhead implements ConsumerInterceptor<byte[], byte[]> {
  /** Main-consumer configuration: the {@link Consumer} that receives the polled records. */
  public static final String SINK_CONFIG = "headwater.read.ahead";

  private Consumer<ConsumerRecords<byte[], byte[]>> sink = records -> {};

  @Override
  @SuppressWarnings("unchecked") // only this service sets the property
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
    // nothing to do: entries are removed as their records are processed
  }

  @Override
  public void close() {
    // nothing to close: the scorer outlives its consumers
  }
}

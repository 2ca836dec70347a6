package dev.headwater.replay.recorded;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.RecordId;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topic;
import dev.headwater.schema.format.Format;
import dev.headwater.schema.format.ValueReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A range of the records of a deployment in time order, with their known labels. Values are stored
 * in a file, ids and labels in memory.
 */
public final class RecordedStream implements LabelledStream.Recorded {
  private final Path file;
  private final List<Entry> entries;
  private final KnownLabels known;

  /**
   * The position of a record in the file.
   *
   * @param time latest timestamp so far in its partition, in epoch milliseconds
   */
  private record Entry(String id, long time, long position, int length) {}

  private RecordedStream(Path file, List<Entry> entries, KnownLabels known) {
    this.file = file;
    this.entries = entries;
    this.known = known;
  }

  /**
   * Copies the range into a file.
   *
   * @param bundle decodes the record ids
   * @param until exclusive end
   * @param file file to create; it must exist for the lifetime of this stream
   * @throws IOException if the file cannot be written or the range is empty
   */
  @SuppressWarnings("ConstantValue") // Kafka's values may be null
  public static RecordedStream read(
      Deployment of, Bundle bundle, Bound from, Bound until, Path file) throws IOException {
    List<String> names = of.topics().records().stream().map(Topic::name).toList();
    List<Entry> entries = new ArrayList<>();
    Map<TopicPartition, Long> latest = new HashMap<>();
    try (TopicRange range = TopicRange.open(of.kafka(), names, from, until);
        RandomAccessFile values = new RandomAccessFile(file.toFile(), "rw")) {
      while (range.left() > 0) {
        for (ConsumerRecord<byte[], byte[]> record : range.poll()) {
          if (record.value() != null) { // tombstones always become dead letters
            byte[] value = json(of.topics().formats().records(), record.value());
            long position = values.getFilePointer();
            // producer clocks may go back; this keeps the order of a partition
            long time =
                latest.merge(
                    new TopicPartition(record.topic(), record.partition()),
                    record.timestamp(),
                    Math::max);
            entries.add(new Entry(id(record, value, bundle), time, position, value.length));
            values.write(value);
          }
        }
      }
    }
    if (entries.isEmpty()) {
      throw new IOException("no records in this range of topics " + names);
    }
    entries.sort(Comparator.comparingLong(Entry::time)); // a stable sort
    return new RecordedStream(file, entries, KnownLabels.ofSamplesAndLabels(of, bundle.tasks()));
  }

  /** Converts a value to JSON, because the topics of a replay have no schema registry. */
  private static byte[] json(ValueReader values, byte[] value) {
    return values.format() == Format.JSON
        ? value
        : values.text(value).map(text -> text.getBytes(UTF_8)).orElse(value);
  }

  private static String id(ConsumerRecord<byte[], byte[]> record, byte[] value, Bundle bundle) {
    Source source = new Source(record.topic(), record.partition(), record.offset());
    try {
      return RecordId.of(record.headers(), bundle.decoder().decode(value).recordId(), source);
    } catch (InvalidRecordException e) {
      return RecordId.of(record.headers(), e.recordId(), source);
    }
  }

  public int size() {
    return entries.size();
  }

  /** Returns the number of records with a label from the samples or labels topic. */
  public int labelled() {
    return (int) entries.stream().filter(e -> known.records().contains(e.id())).count();
  }

  @Override
  public LabelledStream.Values values() throws IOException {
    RandomAccessFile values = new RandomAccessFile(file.toFile(), "r");
    return new LabelledStream.Values() {
      private int next;

      @Override
      public byte @Nullable [] next() throws IOException {
        if (next == entries.size()) {
          return null;
        }
        Entry entry = entries.get(next++);
        byte[] value = new byte[entry.length()];
        values.seek(entry.position());
        values.readFully(value);
        return value;
      }

      @Override
      public int line() {
        return next;
      }

      @Override
      public void close() throws IOException {
        values.close();
      }
    };
  }

  @Override
  public String recordId(int index) {
    return entries.get(index).id();
  }

  @Override
  public @Nullable String label(String task, int index) {
    return known.label(entries.get(index).id(), task).orElse(null);
  }

  @Override
  public LabelAliases aliases(String task) {
    return known.aliases(task);
  }
}

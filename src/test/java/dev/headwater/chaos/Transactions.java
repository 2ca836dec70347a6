package dev.headwater.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.RecordBatch;

/** How transactions ended, by the markers that brokers left in their logs: no client is told. */
final class Transactions {
  private final Set<Transaction> aborted = new HashSet<>();
  private final Set<String> unmarked = new TreeSet<>();

  /** A producer's epoch is raised with each of its transactions. */
  private record Transaction(long producer, short epoch) {}

  /**
   * Of producers that have all ended.
   *
   * @param directories of brokers
   * @param topics whose partitions count
   */
  static Transactions of(List<Path> directories, Set<String> topics) throws IOException {
    Transactions transactions = new Transactions();
    for (Path directory : directories) {
      try (Stream<Path> partitions = Files.list(directory)) {
        for (Path partition : partitions.filter(Files::isDirectory).toList()) {
          String name = partition.getFileName().toString();
          if (topics.contains(name.substring(0, Math.max(0, name.lastIndexOf('-'))))) {
            transactions.read(partition);
          }
        }
      }
    }
    return transactions;
  }

  int aborted() {
    return aborted.size();
  }

  /**
   * Partitions in which a transaction has no end: the producer's next one decides for both, or
   * nobody reads on. A broker of Kafka 4.3.1 that ends a transaction while a partition has no
   * leader takes that for a deleted one, and writes no marker there (KAFKA-20734).
   */
  Set<String> unmarked() {
    return unmarked;
  }

  private void read(Path partition) throws IOException {
    Map<Long, Short> open = new HashMap<>();
    try (Stream<Path> files = Files.list(partition)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".log")).sorted().toList()) {
        try (FileRecords records = FileRecords.open(file.toFile(), false)) {
          for (RecordBatch batch : records.batches()) {
            read(batch, open, partition);
          }
        }
      }
    }
    if (!open.isEmpty()) {
      unmarked.add(partition.getFileName().toString());
    }
  }

  private void read(RecordBatch batch, Map<Long, Short> open, Path partition) {
    if (batch.isControlBatch()) {
      open.remove(batch.producerId());
      if (ControlRecordType.parse(batch.iterator().next().key()) == ControlRecordType.ABORT) {
        aborted.add(new Transaction(batch.producerId(), batch.producerEpoch()));
      }
    } else if (batch.isTransactional()) {
      Short before = open.put(batch.producerId(), batch.producerEpoch());
      if (before != null && before != batch.producerEpoch()) {
        unmarked.add(partition.getFileName().toString());
      }
    }
  }
}

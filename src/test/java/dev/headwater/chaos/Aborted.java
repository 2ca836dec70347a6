package dev.headwater.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.RecordBatch;

/** Aborted transactions, by the markers that a broker left in its log: no client is told them. */
final class Aborted {
  private Aborted() {}

  /** A producer's epoch is raised with each of its transactions. */
  private record Transaction(long producer, short epoch) {}

  /**
   * @param topics whose partitions count
   */
  static int count(List<Node> nodes, Set<String> topics) throws IOException {
    Set<Transaction> aborted = new HashSet<>();
    for (Node node : nodes) {
      try (Stream<Path> partitions = Files.list(node.directory)) {
        for (Path partition : partitions.filter(Files::isDirectory).toList()) {
          String name = partition.getFileName().toString();
          if (topics.contains(name.substring(0, Math.max(0, name.lastIndexOf('-'))))) {
            collect(partition, aborted);
          }
        }
      }
    }
    return aborted.size();
  }

  private static void collect(Path partition, Set<Transaction> aborted) throws IOException {
    try (Stream<Path> files = Files.list(partition)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".log")).toList()) {
        try (FileRecords records = FileRecords.open(file.toFile(), false)) {
          for (RecordBatch batch : records.batches()) {
            if (batch.isControlBatch()
                && ControlRecordType.parse(batch.iterator().next().key())
                    == ControlRecordType.ABORT) {
              aborted.add(new Transaction(batch.producerId(), batch.producerEpoch()));
            }
          }
        }
      }
    }
  }
}

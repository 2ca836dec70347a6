package dev.headwater.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TransactionsTest {
  @TempDir private Path broker;

  @Test
  void countsEachAbortedTransactionOnce() throws IOException {
    write("out-0", data(0), end(1, ControlRecordType.COMMIT));
    write("out-1", data(1), end(2, ControlRecordType.ABORT));
    write("out-2", data(1), end(2, ControlRecordType.ABORT));
    write("other-0", data(5), end(6, ControlRecordType.ABORT), data(6));

    Transactions transactions = Transactions.of(List.of(broker), Set.of("out"));

    assertThat(transactions.aborted()).isEqualTo(1);
    assertThat(transactions.unmarked()).isEmpty();
  }

  @Test
  void missesTheMarkerOfATransactionThatTheNextOneFollowsOrNothing() throws IOException {
    write("out-0", data(0), data(0), end(1, ControlRecordType.COMMIT));
    write("out-1", data(1), data(3), end(4, ControlRecordType.COMMIT));
    write("out-2", data(1), end(2, ControlRecordType.ABORT), data(3));

    assertThat(Transactions.of(List.of(broker), Set.of("out")).unmarked())
        .containsExactly("out-1", "out-2");
  }

  private void write(String partition, MemoryRecords... batches) throws IOException {
    Path log = Files.createDirectories(broker.resolve(partition)).resolve("0.log");
    try (FileRecords records = FileRecords.open(log.toFile())) {
      for (MemoryRecords batch : batches) {
        records.append(batch);
      }
    }
  }

  private static MemoryRecords data(int epoch) {
    return MemoryRecords.withTransactionalRecords(
        0, Compression.NONE, 7, (short) epoch, 0, 0, new SimpleRecord(new byte[] {1}));
  }

  private static MemoryRecords end(int epoch, ControlRecordType how) {
    return MemoryRecords.withEndTransactionMarker(
        7, (short) epoch, new EndTransactionMarker(how, 0));
  }
}

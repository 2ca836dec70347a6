package dev.headwater.stream.labels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

class StoreMemoryTest {
  private static final long BYTES = 16 << 20;
  private static final int STORES = 32;

  /** One block per store on top of the limit. */
  private static final long ARENA_BLOCKS = STORES * (64 << 10);

  private static final int RECORDS = 1_500;

  @TempDir Path directory;

  /** Without the limit the stores would keep all 48 MB in memory. */
  @Test
  void limitsTheMemoryOfAllStoresTogether() throws Exception {
    List<RocksDB> stores = new ArrayList<>();
    try (StoreMemory memory = new StoreMemory(BYTES);
        Options options = new Options().setCreateIfMissing(true)) {
      options.setTableFormatConfig(new BlockBasedTableConfig());
      new StoreMemory.Shared().setConfig("store", options, Map.of(StoreMemory.CONFIG, memory));
      for (int i = 0; i < STORES; i++) {
        Path store = Files.createDirectory(directory.resolve("store" + i));
        stores.add(RocksDB.open(options, store.toString()));
      }

      assertThat(write(stores))
          .as("maximum size of the active buffers")
          .isBetween(BYTES / 8, BYTES / 2 + ARENA_BLOCKS);
      flush(stores);
      read(stores);
      assertThat(memory.used()).isBetween(BYTES / 2, 2 * BYTES);
      stores.forEach(RocksDB::close);
    }
  }

  private static long write(List<RocksDB> stores) throws RocksDBException {
    Random random = new Random(1);
    byte[] value = new byte[1_000];
    long max = 0;
    for (int record = 0; record < RECORDS; record++) {
      random.nextBytes(value);
      long active = 0;
      for (RocksDB store : stores) {
        store.put(key(record), value);
        awaitFlushed(store);
        active += store.getLongProperty("rocksdb.cur-size-active-mem-table");
      }
      max = Math.max(max, active);
    }
    return max;
  }

  /** Waits for the disk: with a slower disk than the writer, there is no bound to assert. */
  private static void awaitFlushed(RocksDB store) throws RocksDBException {
    if (immutableBuffers(store) > 0) {
      await().pollInterval(Duration.ofMillis(1)).until(() -> immutableBuffers(store) == 0);
    }
  }

  private static long immutableBuffers(RocksDB store) throws RocksDBException {
    return store.getLongProperty("rocksdb.num-immutable-mem-table");
  }

  private static void flush(List<RocksDB> stores) throws RocksDBException {
    try (FlushOptions options = new FlushOptions().setWaitForFlush(true)) {
      for (RocksDB store : stores) {
        store.flush(options);
      }
    }
  }

  private static void read(List<RocksDB> stores) throws RocksDBException {
    for (int record = 0; record < RECORDS; record++) {
      for (RocksDB store : stores) {
        assertThat(store.get(key(record))).hasSize(1_000);
      }
    }
  }

  private static byte[] key(int record) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(record).array();
  }
}

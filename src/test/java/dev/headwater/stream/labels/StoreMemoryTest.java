package dev.headwater.stream.labels;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;

class StoreMemoryTest {
  private static final long BYTES = 4 << 20;
  private static final int STORES = 4;
  private static final int RECORDS = 6_000;

  @TempDir Path directory;

  /**
   * By themselves they would keep all of the 24 MB they are given; what is being flushed is extra.
   */
  @Test
  void isOneForAllStoresHoweverMuchTheyAreGiven() throws Exception {
    List<RocksDB> stores = new ArrayList<>();
    try (StoreMemory memory = new StoreMemory(BYTES);
        Options options = new Options().setCreateIfMissing(true)) {
      options.setTableFormatConfig(new BlockBasedTableConfig());
      new StoreMemory.Shared().setConfig("store", options, Map.of(StoreMemory.CONFIG, memory));
      for (int i = 0; i < STORES; i++) {
        Path store = Files.createDirectory(directory.resolve("store" + i));
        stores.add(RocksDB.open(options, store.toString()));
      }

      assertThat(write(stores)).as("most that was not on disk").isBetween(BYTES / 8, 2 * BYTES);
      read(stores);
      assertThat(memory.used()).isBetween(BYTES / 2, 2 * BYTES);
      stores.forEach(RocksDB::close);
    }
  }

  private static long write(List<RocksDB> stores) throws RocksDBException {
    Random random = new Random(1);
    byte[] value = new byte[1_000];
    long most = 0;
    for (int record = 0; record < RECORDS; record++) {
      random.nextBytes(value);
      long inMemory = 0;
      for (RocksDB store : stores) {
        store.put(key(record), value);
        inMemory += store.getLongProperty("rocksdb.cur-size-all-mem-tables");
      }
      most = Math.max(most, inMemory);
    }
    return most;
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

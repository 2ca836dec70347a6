package dev.headwater.stream.labels;

import java.util.Map;
import java.util.Objects;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/**
 * The native memory that all stores of an instance share: what is being written, up to half of it,
 * and blocks that were read. What a slow disk is still flushing comes on top, at most two full
 * buffers a store. By itself RocksDB takes up to 98 MB a store under Kafka Streams, and there are
 * two stores a partition of the join.
 */
public final class StoreMemory implements AutoCloseable {
  /** A {@link StoreMemory}, for the stores that are opened under these properties. */
  public static final String CONFIG = "headwater.store.memory";

  /** Of the cache, kept for indices and filters, without which a look-up reads them first. */
  private static final double FOR_INDICES = 0.1;

  /**
   * What a buffer grows by. By itself that is 1 MiB, so that 64 stores fill half of 128 MiB with a
   * record each, and from there flush at nearly every one.
   */
  private static final long STEP = 64 << 10;

  private final LRUCache cache;
  private final WriteBufferManager buffers;

  /**
   * @param bytes of all stores together
   */
  public StoreMemory(long bytes) {
    RocksDB.loadLibrary();
    cache = new LRUCache(bytes, -1, false, FOR_INDICES);
    buffers = new WriteBufferManager(bytes / 2, cache);
  }

  /** Bytes held now. */
  long used() {
    return cache.getUsage();
  }

  /** Once no store is open any more: one that is would read what is freed. */
  @Override
  public void close() {
    buffers.close();
    cache.close();
  }

  /** Gives each store its part; Kafka Streams makes one of these a store. */
  public static final class Shared implements RocksDBConfigSetter {
    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
      StoreMemory memory = (StoreMemory) Objects.requireNonNull(configs.get(CONFIG), CONFIG);
      BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
      table.setBlockCache(memory.cache);
      table.setCacheIndexAndFilterBlocks(true);
      table.setCacheIndexAndFilterBlocksWithHighPriority(true);
      table.setPinTopLevelIndexAndFilter(true);
      options.setTableFormatConfig(table);
      options.setArenaBlockSize(STEP);
      options.setWriteBufferManager(memory.buffers);
    }

    /** What it was given is not the store's to close. */
    @Override
    public void close(String store, Options options) {}
  }
}

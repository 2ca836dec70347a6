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
 * Limits the native memory of all state stores of an instance. They share one block cache, and
 * write buffers take up to half of it. Buffers that a slow disk is still flushing come on top, at
 * most two per store. Without this limit RocksDB takes up to 98 MB per store under Kafka Streams,
 * with two stores per partition of the join.
 */
public final class StoreMemory implements AutoCloseable {
  /** Streams configuration: the {@link StoreMemory} of the stores opened with it. */
  public static final String CONFIG = "headwater.store.memory";

  /** Fraction of the cache for indices and filters, which every lookup needs. */
  private static final double INDEX_FRACTION = 0.1;

  /**
   * Allocation unit of a write buffer, in bytes. With the default of 1 MiB, 64 stores with one
   * record each fill half of 128 MiB, and then flush at nearly every record.
   */
  private static final long ARENA_BLOCK_BYTES = 64 << 10;

  private final LRUCache cache;
  private final WriteBufferManager buffers;

  /**
   * Creates the shared cache.
   *
   * @param bytes limit for all stores together
   */
  public StoreMemory(long bytes) {
    RocksDB.loadLibrary();
    cache = new LRUCache(bytes, -1, false, INDEX_FRACTION);
    buffers = new WriteBufferManager(bytes / 2, cache);
  }

  /** Returns the bytes in use. */
  long used() {
    return cache.getUsage();
  }

  /** Frees the memory. All stores must be closed: an open store would read freed memory. */
  @Override
  public void close() {
    buffers.close();
    cache.close();
  }

  /** Configures a store to use the shared memory; Kafka Streams creates one per store. */
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
      options.setArenaBlockSize(ARENA_BLOCK_BYTES);
      options.setWriteBufferManager(memory.buffers);
    }

    /** Does nothing: the memory is shared by all stores. */
    @Override
    public void close(String store, Options options) {}
  }
}

package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The content of the heads topic as read so far. Records may arrive in any order, repeatedly, or
 * again from the start. Tensors are stored as bytes and parsed on access. The store holds about
 * {@link HeadSettings#keep} heads and {@link HeadSettings#HISTORY} manifests per task, but never
 * more than half of the heap; see docs/design/heads.md. Not thread-safe.
 */
final class HeadStore {
  /** Estimated memory overhead in bytes of a chunk, or of a label in a manifest. */
  private static final int OVERHEAD = 64;

  /** Placeholder of a discarded chunk, because retiring the head needs the chunk keys. */
  private static final byte[] DISCARDED = {};

  private final long maxHeld;
  private final ToLongFunction<HeadInfo> maxBytes;
  private long held;
  private final Map<String, TreeMap<Long, Version>> tasks = new TreeMap<>();
  private final Map<String, LivePointer> live = new TreeMap<>();
  private final Map<String, LivePointer> latest = new HashMap<>();
  private final Map<String, LabelAliases> aliases = new HashMap<>();

  /** The known state of one version. */
  private static final class Version {
    private @Nullable Manifest manifest;
    private final TreeMap<Integer, byte[]> chunks = new TreeMap<>();
    private long manifestHeld;
    private long held;
    private long readBytes;
    private @Nullable String rejection;
    private boolean evicted;

    private Version copy() {
      Version copy = new Version();
      copy.manifest = manifest;
      copy.chunks.putAll(chunks);
      copy.manifestHeld = manifestHeld;
      copy.held = held;
      copy.readBytes = readBytes;
      copy.rejection = rejection;
      copy.evicted = evicted;
      return copy;
    }

    private boolean isRetired() {
      return manifest != null && manifest.chunks() == 0;
    }

    private boolean isComplete() {
      return manifest != null && chunks.headMap(manifest.chunks()).size() == manifest.chunks();
    }

    private long size() {
      return Math.max(readBytes, manifest == null ? 0 : manifest.bytes());
    }
  }

  /** Creates a store without a size limit per head. */
  HeadStore() {
    this(info -> Long.MAX_VALUE);
  }

  /**
   * Creates a store that may hold half of the heap.
   *
   * @param maxBytes returns the maximum size of a head in bytes
   */
  HeadStore(ToLongFunction<HeadInfo> maxBytes) {
    this(Runtime.getRuntime().maxMemory() / 2, maxBytes);
  }

  /**
   * Creates a store with a memory limit.
   *
   * @param maxHeld maximum bytes to hold of all heads together
   */
  HeadStore(long maxHeld, ToLongFunction<HeadInfo> maxBytes) {
    this.maxHeld = maxHeld;
    this.maxBytes = maxBytes;
  }

  /**
   * Applies one record.
   *
   * @param value null for a tombstone
   * @throws RejectedHeadException if the record is invalid; it is then ignored
   */
  void apply(@Nullable String key, byte @Nullable [] value) throws RejectedHeadException {
    HeadKey parsed = HeadKey.parse(key);
    switch (parsed.kind()) {
      case LIVE -> applyPointer(parsed, value);
      case LABELS -> applyAliases(parsed, value);
      case MANIFEST -> applyManifest(parsed, value);
      case CHUNK -> applyChunk(parsed, value);
    }
    if (value == null) {
      forgetIfEmpty(parsed);
    }
  }

  SortedSet<String> tasks() {
    SortedSet<String> names = new TreeSet<>(tasks.keySet());
    names.addAll(live.keySet());
    return names;
  }

  /** Returns the live pointer: the first pointer with the highest epoch. */
  Optional<LivePointer> live(String task) {
    return Optional.ofNullable(live.get(task));
  }

  /**
   * Returns the pointer read last, which compaction keeps. It differs from {@link #live} if two
   * writers raced for an epoch, or if an old record was written again.
   */
  Optional<LivePointer> latest(String task) {
    return Optional.ofNullable(latest.get(task));
  }

  /** Returns the label aliases of the task. */
  LabelAliases aliases(String task) {
    return aliases.getOrDefault(task, LabelAliases.none(task));
  }

  /** Returns all versions of the task with a manifest, ascending. */
  List<HeadInfo> versions(String task) {
    return versionsOf(task).values().stream()
        .flatMap(version -> Optional.ofNullable(version.manifest).stream())
        .map(Manifest::info)
        .toList();
  }

  /** Returns the highest version of any record, with or without a manifest. */
  OptionalLong highestVersion(String task) {
    SortedMap<Long, Version> versions = versionsOf(task);
    return versions.isEmpty() ? OptionalLong.empty() : OptionalLong.of(versions.lastKey());
  }

  Optional<Manifest> manifest(String task, long version) {
    return Optional.ofNullable(versionsOf(task).get(version)).map(found -> found.manifest);
  }

  /** Returns whether the version's tensors are on the topic, held in memory or not. */
  boolean hasTensors(String task, long version) {
    return manifest(task, version).filter(manifest -> manifest.chunks() > 0).isPresent();
  }

  /** Returns why the version is too large to hold; empty if it is not, or if it is retired. */
  Optional<String> tooLarge(String task, long number) {
    return Optional.ofNullable(versionsOf(task).get(number))
        .filter(version -> version.rejection != null && !version.isRetired())
        .map(
            version ->
                "Version %d of %s does not fit (%d bytes): %s."
                    .formatted(number, task, version.size(), version.rejection));
  }

  /** Returns the maximum bytes per head: while it is read, a head is in memory three times. */
  long one() {
    return maxHeld / 3;
  }

  /** Returns the memory that a head takes in this store, in bytes. */
  static long weight(IntStream values, int labels) {
    return values.mapToLong(value -> value + OVERHEAD).sum() + (long) OVERHEAD * labels;
  }

  /**
   * Returns whether a needed head was evicted, and if so prepares for applying all records again.
   * Which heads are needed is only known once the pointer is read, and the pointer follows them.
   * After a rollback they are not the newest.
   */
  boolean wantsAgain() {
    boolean needed = live.values().stream().flatMap(this::needed).anyMatch(v -> v.evicted);
    if (needed) {
      tasks.values().stream()
          .flatMap(versions -> versions.values().stream())
          .filter(version -> version.evicted)
          .forEach(this::prepareReread);
    }
    return needed;
  }

  private void prepareReread(Version version) {
    long before = version.held;
    version.evicted = false;
    version.rejection = null;
    version.readBytes = 0;
    version.chunks.clear();
    version.held = version.manifestHeld;
    held += version.held - before;
  }

  /** Returns the estimated memory of all heads, in bytes. */
  long held() {
    return held;
  }

  /** Returns the numbers of the chunks of the version that were read. */
  Collection<Integer> chunks(String task, long version) {
    Version found = versionsOf(task).get(version);
    return found == null ? List.of() : List.copyOf(found.chunks.keySet());
  }

  /**
   * Decodes a head.
   *
   * @return empty while its manifest or a chunk is missing
   * @throws RejectedHeadException if it is retired, damaged, too large, or contradicts its manifest
   */
  Optional<Head> head(String task, long number) throws RejectedHeadException {
    Optional<String> tooLarge = tooLarge(task, number);
    if (tooLarge.isPresent()) {
      throw new RejectedHeadException(RejectedHeadException.Cause.OVERSIZED, tooLarge.get());
    }
    Version version = versionsOf(task).get(number);
    if (version == null || version.manifest == null) {
      return Optional.empty();
    }
    Manifest manifest = version.manifest;
    String name = "Version " + number + " of " + task;
    if (manifest.chunks() == 0) {
      throw new RejectedHeadException(name + " has no tensors: it was rejected or retired.");
    }
    Collection<byte[]> chunks = version.chunks.headMap(manifest.chunks()).values();
    if (chunks.size() < manifest.chunks()) {
      return Optional.empty();
    }
    Head head = HeadCodec.read(join(name, chunks, manifest));
    HeadInfo info = manifest.info();
    // a head may be withdrawn after it was written; only the manifest has the last verdict
    if (!head.info().judged(info.verdict()).equals(info)) {
      throw new RejectedHeadException(
          name + " contradicts its manifest: " + head.info() + ", manifest " + info + ".");
    }
    return Optional.of(head.with(info));
  }

  /** Returns an independent copy. */
  HeadStore copy() {
    HeadStore copy = new HeadStore(maxHeld, maxBytes);
    copy.held = held;
    copy.live.putAll(live);
    copy.latest.putAll(latest);
    copy.aliases.putAll(aliases);
    tasks.forEach(
        (task, versions) ->
            versions.forEach(
                (number, version) ->
                    copy.tasks
                        .computeIfAbsent(task, name -> new TreeMap<>())
                        .put(number, version.copy())));
    return copy;
  }

  private void applyPointer(HeadKey key, byte @Nullable [] value) throws RejectedHeadException {
    if (value == null) {
      return; // never written by Headwater; a deleted pointer must not reset the epoch to zero
    }
    LivePointer pointer = HeadCodec.parse(value, LivePointer.class, HeadKey.live(key.task()));
    if (!pointer.task().equals(key.task())) {
      throw new RejectedHeadException(
          "The pointer of task " + key.task() + " contains task " + pointer.task() + ".");
    }
    latest.put(key.task(), pointer);
    live.merge(key.task(), pointer, (old, now) -> now.epoch() > old.epoch() ? now : old);
  }

  private void applyAliases(HeadKey key, byte @Nullable [] value) throws RejectedHeadException {
    if (value == null) {
      aliases.remove(key.task());
    } else {
      String name = HeadKey.labels(key.task());
      aliases.put(key.task(), HeadCodec.parse(value, LabelAliases.class, name));
    }
  }

  private @Nullable Manifest manifest(HeadKey key, byte @Nullable [] value)
      throws RejectedHeadException {
    if (value == null) {
      return null;
    }
    String name = HeadKey.manifest(key.task(), key.version());
    Manifest manifest = HeadCodec.parse(value, Manifest.class, name);
    HeadInfo info = manifest.info();
    if (!info.task().equals(key.task()) || info.version() != key.version()) {
      throw new RejectedHeadException(
          "The record '"
              + name
              + "' describes version "
              + info.version()
              + " of "
              + info.task()
              + ".");
    }
    return manifest;
  }

  private void applyManifest(HeadKey key, byte @Nullable [] value) throws RejectedHeadException {
    Manifest manifest = manifest(key, value);
    Version version = version(key);
    version.manifest = manifest;
    long before = version.manifestHeld;
    version.manifestHeld = 0;
    if (manifest != null && value != null) {
      version.manifestHeld = value.length + (long) OVERHEAD * manifest.info().labels().size();
    }
    hold(version, version.manifestHeld - before);
    if (manifest != null && version.rejection == null) {
      HeadInfo info = manifest.info();
      long limit = maxBytes.applyAsLong(info);
      if (manifest.bytes() > limit) {
        reject(
            version,
            "the maximum for a head with %d labels is %d bytes"
                .formatted(info.labels().size(), limit));
      } else if (manifest.bytes() > one()) {
        reject(version, tooLargeForHeap());
      }
    }
  }

  private void applyChunk(HeadKey key, byte @Nullable [] value) {
    Version version = version(key);
    byte[] before = version.chunks.remove(key.chunk());
    long change = before == null ? 0 : -OVERHEAD - before.length;
    if (value != null) {
      byte[] kept = version.rejection == null ? value : DISCARDED;
      version.chunks.put(key.chunk(), kept);
      version.readBytes += value.length;
      change += OVERHEAD + kept.length;
    }
    hold(version, change);
  }

  private void hold(Version version, long change) {
    version.held += change;
    held += change;
    if (version.held > one()) {
      reject(version, tooLargeForHeap());
    }
    while (held > maxHeld) {
      Version least = leastNeeded(version);
      least.evicted |= least.rejection == null;
      reject(
          least,
          "all heads on the topic exceed %d bytes, half of this process's heap".formatted(maxHeld));
    }
  }

  private String tooLargeForHeap() {
    return "the maximum for one head is %d bytes, a sixth of this process's heap".formatted(one());
  }

  /** Discards the chunks of a version, or if that was done before, also its manifest. */
  private void reject(Version version, String reason) {
    long before = version.held;
    if (version.rejection == null) {
      version.rejection = reason;
      version.chunks.replaceAll((number, chunk) -> DISCARDED);
    } else {
      version.manifest = null;
      version.manifestHeld = 0;
      version.chunks.clear();
    }
    version.held = version.manifestHeld + (long) OVERHEAD * version.chunks.size();
    held += version.held - before;
  }

  /** Returns the version to discard first: not needed, not yet rejected, incomplete, oldest. */
  private Version leastNeeded(Version arriving) {
    Set<Version> needed = live.values().stream().flatMap(this::needed).collect(Collectors.toSet());
    return tasks.values().stream()
        .flatMap(versions -> versions.entrySet().stream())
        .filter(entry -> entry.getValue().held > 0)
        .min(
            Comparator.comparing(
                    (Map.Entry<Long, Version> entry) -> needed.contains(entry.getValue()))
                .thenComparing(entry -> entry.getValue().rejection != null)
                .thenComparing(
                    entry -> entry.getValue() == arriving || entry.getValue().isComplete())
                .thenComparing(Map.Entry::getKey))
        .orElseThrow()
        .getValue();
  }

  /** Returns the live version, its canary and its parent. */
  private Stream<Version> needed(LivePointer pointer) {
    String task = pointer.task();
    Stream<Long> served =
        Stream.concat(
            Stream.of(pointer.version()),
            Stream.ofNullable(pointer.canary()).map(LivePointer.Canary::version));
    Stream<Long> parent =
        manifest(task, pointer.version()).map(manifest -> manifest.info().parent()).stream();
    return Stream.concat(served, parent)
        .flatMap(number -> Stream.ofNullable(versionsOf(task).get(number)));
  }

  private void forgetIfEmpty(HeadKey key) {
    Version version = versionsOf(key.task()).get(key.version());
    if (version != null && version.manifest == null && version.chunks.isEmpty()) {
      versionsOf(key.task()).remove(key.version());
    }
  }

  private static byte[] join(String name, Collection<byte[]> chunks, Manifest manifest)
      throws RejectedHeadException {
    long size = chunks.stream().mapToLong(chunk -> chunk.length).sum();
    if (size != manifest.bytes() || size > Integer.MAX_VALUE) {
      throw new RejectedHeadException(
          name + " has " + size + " bytes, expected " + manifest.bytes() + ".");
    }
    ByteBuffer joined = ByteBuffer.allocate((int) size);
    chunks.forEach(joined::put);
    String sha256 = HeadCodec.sha256(joined.array());
    if (!sha256.equals(manifest.sha256())) {
      throw new RejectedHeadException(
          name + " is damaged: SHA-256 " + sha256 + ", expected " + manifest.sha256() + ".");
    }
    return joined.array();
  }

  private Version version(HeadKey key) {
    return tasks
        .computeIfAbsent(key.task(), name -> new TreeMap<>())
        .computeIfAbsent(key.version(), n -> new Version());
  }

  private SortedMap<Long, Version> versionsOf(String task) {
    return tasks.getOrDefault(task, new TreeMap<>());
  }
}

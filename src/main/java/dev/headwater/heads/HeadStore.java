package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;
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
 * The heads topic as far as it has been read. Records may come in any order, twice, or again from
 * the start; tensors stay as the bytes that came, and are parsed when a head is asked for. Holds
 * what the topic holds, that is about {@link HeadSettings#keep} heads a task and the manifests of
 * {@link HeadSettings#HISTORY}, but never more than half of the heap: see RATIONALE.md. Not
 * thread-safe.
 */
final class HeadStore {
  /** What a chunk, or a label in a manifest, takes beside its bytes. */
  private static final int OVERHEAD = 64;

  /** In place of a chunk that is not kept: whoever retires the head needs its key. */
  private static final byte[] NOTHING = {};

  private final long most;
  private final ToLongFunction<HeadInfo> largest;
  private long held;
  private final Map<String, TreeMap<Long, Version>> tasks = new TreeMap<>();
  private final Map<String, LivePointer> live = new TreeMap<>();
  private final Map<String, LivePointer> latest = new HashMap<>();
  private final Map<String, LabelAliases> aliases = new HashMap<>();

  /** What is known of one version. */
  private static final class Version {
    private @Nullable Manifest manifest;
    private final TreeMap<Integer, byte[]> chunks = new TreeMap<>();
    private long manifestHeld;
    private long held;
    private long seen;
    private @Nullable String refusal;
    private boolean crowdedOut;

    private Version copy() {
      Version copy = new Version();
      copy.manifest = manifest;
      copy.chunks.putAll(chunks);
      copy.manifestHeld = manifestHeld;
      copy.held = held;
      copy.seen = seen;
      copy.refusal = refusal;
      copy.crowdedOut = crowdedOut;
      return copy;
    }

    private boolean retired() {
      return manifest != null && manifest.chunks() == 0;
    }

    private boolean whole() {
      return manifest != null && chunks.headMap(manifest.chunks()).size() == manifest.chunks();
    }

    private long weight() {
      return Math.max(seen, manifest == null ? 0 : manifest.bytes());
    }
  }

  /** Where nothing is known of what a head may weigh. */
  HeadStore() {
    this(info -> Long.MAX_VALUE);
  }

  /**
   * @param largest bytes that no head like this one exceeds
   */
  HeadStore(ToLongFunction<HeadInfo> largest) {
    this(Runtime.getRuntime().maxMemory() / 2, largest);
  }

  /**
   * @param most bytes to hold of all heads together
   */
  HeadStore(long most, ToLongFunction<HeadInfo> largest) {
    this.most = most;
    this.largest = largest;
  }

  /**
   * Takes one record in.
   *
   * @param value null for a tombstone
   * @throws RefusedHeadException where the record is no part of any head; nothing was taken
   */
  void apply(@Nullable String key, byte @Nullable [] value) throws RefusedHeadException {
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

  /** The pointer that counts: the first of those with the highest epoch. */
  Optional<LivePointer> live(String task) {
    return Optional.ofNullable(live.get(task));
  }

  /**
   * The pointer read last, and so the one that compaction leaves: another than {@link #live} where
   * two writers raced for one epoch or an old record was written again.
   */
  Optional<LivePointer> latest(String task) {
    return Optional.ofNullable(latest.get(task));
  }

  /** What became of the task's labels. */
  LabelAliases aliases(String task) {
    return aliases.getOrDefault(task, LabelAliases.none(task));
  }

  /** Every version of the task with a manifest, ascending. */
  List<HeadInfo> versions(String task) {
    return versionsOf(task).values().stream()
        .flatMap(version -> Optional.ofNullable(version.manifest).stream())
        .map(Manifest::info)
        .toList();
  }

  /** The highest version any record mentions, manifest or not. */
  OptionalLong highestVersion(String task) {
    SortedMap<Long, Version> versions = versionsOf(task);
    return versions.isEmpty() ? OptionalLong.empty() : OptionalLong.of(versions.lastKey());
  }

  Optional<Manifest> manifest(String task, long version) {
    return Optional.ofNullable(versionsOf(task).get(version)).map(found -> found.manifest);
  }

  /** Whether the version's tensors are on the topic, kept here or not. */
  boolean hasTensors(String task, long version) {
    return manifest(task, version).filter(manifest -> manifest.chunks() > 0).isPresent();
  }

  /** Why the version is too large for this process or bundle; empty where it is not, or retired. */
  Optional<String> tooLarge(String task, long number) {
    return Optional.ofNullable(versionsOf(task).get(number))
        .filter(version -> version.refusal != null && !version.retired())
        .map(
            version ->
                "Version %d of %s weighs %d bytes: %s."
                    .formatted(number, task, version.weight(), version.refusal));
  }

  /** The most that is kept of one head: read, it is there three times. */
  long one() {
    return most / 3;
  }

  /** What a head of such records takes here. */
  static long weight(IntStream values, int labels) {
    return values.mapToLong(value -> value + OVERHEAD).sum() + (long) OVERHEAD * labels;
  }

  /**
   * Whether something was let go that is needed, now that it is known what is: pointers come after
   * what they point at, and after a rollback that is not the newest. Then all of it is to be
   * applied once more.
   */
  boolean wantsAgain() {
    boolean wanted = live.values().stream().flatMap(this::needed).anyMatch(v -> v.crowdedOut);
    if (wanted) {
      tasks.values().stream()
          .flatMap(versions -> versions.values().stream())
          .filter(version -> version.crowdedOut)
          .forEach(this::expectAgain);
    }
    return wanted;
  }

  private void expectAgain(Version version) {
    long before = version.held;
    version.crowdedOut = false;
    version.refusal = null;
    version.seen = 0;
    version.chunks.clear();
    version.held = version.manifestHeld;
    held += version.held - before;
  }

  /** About how much memory all of it takes. */
  long held() {
    return held;
  }

  /** How many chunks of the version are here, needed or not. */
  Collection<Integer> chunks(String task, long version) {
    Version found = versionsOf(task).get(version);
    return found == null ? List.of() : List.copyOf(found.chunks.keySet());
  }

  /**
   * The head, once all of it is here.
   *
   * @return empty while its manifest or a chunk has not come
   * @throws RefusedHeadException where it never will be: retired, damaged, or not what it says
   */
  Optional<Head> head(String task, long number) throws RefusedHeadException {
    Optional<String> tooLarge = tooLarge(task, number);
    if (tooLarge.isPresent()) {
      throw new RefusedHeadException(RefusedHeadException.Cause.OVERSIZED, tooLarge.get());
    }
    Version version = versionsOf(task).get(number);
    if (version == null || version.manifest == null) {
      return Optional.empty();
    }
    Manifest manifest = version.manifest;
    String name = "Version " + number + " of " + task;
    if (manifest.chunks() == 0) {
      throw new RefusedHeadException(name + " has no tensors: it was refused or retired.");
    }
    Collection<byte[]> chunks = version.chunks.headMap(manifest.chunks()).values();
    if (chunks.size() < manifest.chunks()) {
      return Optional.empty();
    }
    Head head = HeadCodec.read(join(name, chunks, manifest));
    HeadInfo info = manifest.info();
    // a head may be withdrawn after it was written: the manifest has the last verdict
    if (!head.info().judged(info.verdict()).equals(info)) {
      throw new RefusedHeadException(
          name + " says of itself " + head.info() + ", its manifest " + info + ".");
    }
    return Optional.of(head.with(info));
  }

  /** A store of its own with the same content. */
  HeadStore copy() {
    HeadStore copy = new HeadStore(most, largest);
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

  private void applyPointer(HeadKey key, byte @Nullable [] value) throws RefusedHeadException {
    if (value == null) {
      return; // nobody writes this; a deleted pointer must not take the epoch back to zero
    }
    LivePointer pointer = HeadCodec.parse(value, LivePointer.class, HeadKey.live(key.task()));
    if (!pointer.task().equals(key.task())) {
      throw new RefusedHeadException(
          "The pointer of " + key.task() + " names the task " + pointer.task() + ".");
    }
    latest.put(key.task(), pointer);
    live.merge(key.task(), pointer, (old, now) -> now.epoch() > old.epoch() ? now : old);
  }

  private void applyAliases(HeadKey key, byte @Nullable [] value) throws RefusedHeadException {
    if (value == null) {
      aliases.remove(key.task());
    } else {
      String name = HeadKey.labels(key.task());
      aliases.put(key.task(), HeadCodec.parse(value, LabelAliases.class, name));
    }
  }

  private @Nullable Manifest manifest(HeadKey key, byte @Nullable [] value)
      throws RefusedHeadException {
    if (value == null) {
      return null;
    }
    String name = HeadKey.manifest(key.task(), key.version());
    Manifest manifest = HeadCodec.parse(value, Manifest.class, name);
    HeadInfo info = manifest.info();
    if (!info.task().equals(key.task()) || info.version() != key.version()) {
      throw new RefusedHeadException(
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

  private void applyManifest(HeadKey key, byte @Nullable [] value) throws RefusedHeadException {
    Manifest manifest = manifest(key, value);
    Version version = version(key);
    version.manifest = manifest;
    long before = version.manifestHeld;
    version.manifestHeld = 0;
    if (manifest != null && value != null) {
      version.manifestHeld = value.length + (long) OVERHEAD * manifest.info().labels().size();
    }
    hold(version, version.manifestHeld - before);
    if (manifest != null && version.refusal == null) {
      HeadInfo info = manifest.info();
      long limit = largest.applyAsLong(info);
      if (manifest.bytes() > limit) {
        refuse(
            version,
            "a head of its %d labels has %d here at most".formatted(info.labels().size(), limit));
      } else if (manifest.bytes() > one()) {
        refuse(version, tooMuch());
      }
    }
  }

  private void applyChunk(HeadKey key, byte @Nullable [] value) {
    Version version = version(key);
    byte[] before = version.chunks.remove(key.chunk());
    long change = before == null ? 0 : -OVERHEAD - before.length;
    if (value != null) {
      byte[] kept = version.refusal == null ? value : NOTHING;
      version.chunks.put(key.chunk(), kept);
      version.seen += value.length;
      change += OVERHEAD + kept.length;
    }
    hold(version, change);
  }

  private void hold(Version version, long change) {
    version.held += change;
    held += change;
    if (version.held > one()) {
      refuse(version, tooMuch());
    }
    while (held > most) {
      Version least = leastNeeded(version);
      least.crowdedOut |= least.refusal == null;
      refuse(
          least,
          "all heads on the topic take more than %d, half of this process's heap".formatted(most));
    }
  }

  private String tooMuch() {
    return "of one head %d are kept at most, a sixth of this process's heap".formatted(one());
  }

  /** Its chunks go, and if that was not enough, even what tells of them. */
  private void refuse(Version version, String why) {
    long before = version.held;
    if (version.refusal == null) {
      version.refusal = why;
      version.chunks.replaceAll((number, chunk) -> NOTHING);
    } else {
      version.manifest = null;
      version.manifestHeld = 0;
      version.chunks.clear();
    }
    version.held = version.manifestHeld + (long) OVERHEAD * version.chunks.size();
    held += version.held - before;
  }

  /** What nothing points at before what serves, what was never completed before what was. */
  private Version leastNeeded(Version arriving) {
    Set<Version> needed = live.values().stream().flatMap(this::needed).collect(Collectors.toSet());
    return tasks.values().stream()
        .flatMap(versions -> versions.entrySet().stream())
        .filter(entry -> entry.getValue().held > 0)
        .min(
            Comparator.comparing(
                    (Map.Entry<Long, Version> entry) -> needed.contains(entry.getValue()))
                .thenComparing(entry -> entry.getValue().refusal != null)
                .thenComparing(entry -> entry.getValue() == arriving || entry.getValue().whole())
                .thenComparing(Map.Entry::getKey))
        .orElseThrow()
        .getValue();
  }

  /** What serves, and what it would be rolled back to. */
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
      throws RefusedHeadException {
    long size = chunks.stream().mapToLong(chunk -> chunk.length).sum();
    if (size != manifest.bytes() || size > Integer.MAX_VALUE) {
      throw new RefusedHeadException(
          name + " has " + size + " bytes, its manifest promises " + manifest.bytes() + ".");
    }
    ByteBuffer joined = ByteBuffer.allocate((int) size);
    chunks.forEach(joined::put);
    String sha256 = HeadCodec.sha256(joined.array());
    if (!sha256.equals(manifest.sha256())) {
      throw new RefusedHeadException(
          name + " is damaged: SHA-256 " + sha256 + ", promised " + manifest.sha256() + ".");
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

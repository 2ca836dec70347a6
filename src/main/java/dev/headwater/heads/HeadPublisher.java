package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Topic;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * Publishes head versions and moves the live pointer. Each call reads the topic to its end, writes
 * one transaction and reads it back. The first call fences all earlier writers with the same
 * transactional id. Writers with different ids may race for an epoch. The one whose pointer is
 * second writes it again under the next epoch, so that compaction keeps the pointer that serves.
 *
 * <p>Each method throws {@link org.apache.kafka.common.errors.ProducerFencedException} if another
 * publisher has started with the same id; this publisher must then stop. It throws another {@link
 * org.apache.kafka.common.KafkaException} if the broker fails. A failed call leaves nothing
 * visible, unless its message states otherwise, and a new publisher is needed afterwards. Weights
 * are not checked here: followers reject weights that are not finite.
 */
public final class HeadPublisher implements AutoCloseable {
  /** Thrown when another writer has published the version, or a higher one, in the meantime. */
  public static final class VersionTakenException extends IllegalArgumentException {
    private VersionTakenException(String message) {
      super(message);
    }
  }

  private final HeadSettings settings;
  private final HeadWriter writer;
  private final HeadTopic topic;

  /**
   * Creates a publisher without connecting.
   *
   * @param kafkaConfig client properties
   * @param transactionalId unique among concurrent writers, for example one for the trainer
   * @throws IllegalStateException if trusted keys are configured but no signing key
   */
  public HeadPublisher(
      Map<String, Object> kafkaConfig,
      Topic<String, byte[]> heads,
      String transactionalId,
      HeadSettings settings) {
    this.settings = settings;
    this.writer = new HeadWriter(kafkaConfig, heads, transactionalId, settings);
    this.topic = new HeadTopic(kafkaConfig, heads, settings.signatures());
  }

  /**
   * Returns whether this publisher is usable after a failure. While it is, the caller must not
   * create a new one, because that would fence a successor.
   */
  public synchronized boolean usable() {
    return writer.usable();
  }

  /** Fences earlier writers and reads the topic to its end. */
  public synchronized HeadLog read() {
    catchUp();
    return new HeadLog(topic.store().copy());
  }

  /**
   * Publishes the head and makes it live. If the live head is pinned or has a canary, the head is
   * published and the pointer stays. The same transaction deletes expired tensors and manifests.
   *
   * @return the live pointer afterwards
   * @throws VersionTakenException if the version is not higher than all published ones
   */
  public synchronized LivePointer promote(Head head, String by) {
    catchUp();
    String task = head.info().task();
    Optional<LivePointer> held = topic.store().live(task).filter(LivePointer::held);
    if (held.isPresent()) {
      publish(head, List.of());
      return held.get();
    }
    LivePointer pointer = next(task, head.info().version(), false, by);
    publish(head, List.of(record(pointer)));
    return confirm(pointer, true);
  }

  /**
   * Publishes the head for manual approval; the pointer stays.
   *
   * @throws VersionTakenException if the version is not higher than all published ones
   */
  public synchronized void propose(Head head) {
    catchUp();
    publish(head, List.of());
  }

  /**
   * Publishes label aliases of a task and promotes a head with the new labels in the same
   * transaction. A pin stays.
   *
   * @throws VersionTakenException if the version is not higher than all published ones
   */
  public synchronized LivePointer relabel(LabelAliases aliases, Head head, String by) {
    catchUp();
    HeadInfo info = head.info();
    boolean pinned = topic.store().live(info.task()).filter(LivePointer::pinned).isPresent();
    LivePointer pointer = next(info.task(), info.version(), pinned, by);
    String key = HeadKey.labels(aliases.task());
    publish(head, List.of(record(pointer), writer.record(key, HeadCodec.json(aliases))));
    return confirm(pointer, false);
  }

  private void publish(Head head, List<ProducerRecord<String, byte[]>> more) {
    HeadInfo info = requireNew(head.info());
    List<ProducerRecord<String, byte[]>> records = new ArrayList<>(publication(head));
    records.addAll(retirement(info));
    records.addAll(expiry(info));
    records.addAll(more);
    topic.readTo(writer.commit(records) + 1);
    requireWhole(info);
  }

  /**
   * Publishes the manifest of a rejected candidate, without its tensors. The same transaction
   * deletes expired manifests.
   *
   * @throws VersionTakenException if the version is not higher than all published ones
   */
  public synchronized void publishRejected(HeadInfo info) {
    catchUp();
    List<ProducerRecord<String, byte[]>> records = new ArrayList<>();
    records.add(record(Manifest.withoutTensors(requireNew(info))));
    records.addAll(expiry(info));
    topic.readTo(writer.commit(records) + 1);
  }

  /**
   * Starts a canary: a published version serves a fraction of the keys beside the live head. Any
   * later pointer ends it.
   *
   * @param share fraction of the keys, in (0, 1)
   * @throws IllegalArgumentException if either version is unknown, has no tensors or is damaged, if
   *     both are the same, or if the live head is pinned
   */
  public synchronized LivePointer canary(String task, long version, double share, String by) {
    catchUp();
    requireServable(task, version);
    LivePointer live = topic.store().live(task).orElseThrow(() -> noLiveHead(task));
    if (live.pinned() || live.version() == version) {
      throw new IllegalArgumentException(
          live.pinned()
              ? "head %d of %s is pinned".formatted(live.version(), task)
              : "head %d of %s already serves all keys".formatted(version, task));
    }
    LivePointer pointer =
        next(task, live.version(), false, by, new LivePointer.Canary(version, share));
    topic.readTo(writer.commit(List.of(record(pointer))) + 1);
    return confirm(pointer, false);
  }

  private static IllegalArgumentException noLiveHead(String task) {
    return new IllegalArgumentException("no head of %s is live".formatted(task));
  }

  /**
   * Makes a published version live: promotes, rolls back, pins, unpins, or ends a canary.
   *
   * @throws IllegalArgumentException if the version is unknown, has no tensors or is damaged
   */
  public synchronized LivePointer point(String task, long version, boolean pinned, String by) {
    catchUp();
    requireServable(task, version);
    LivePointer pointer = next(task, version, pinned, by);
    topic.readTo(writer.commit(List.of(record(pointer))) + 1);
    return confirm(pointer, false);
  }

  /**
   * Withdraws a head that proved worse than its parent, and rolls back to the parent, unless it is
   * pinned or no longer live. Its verdict is replaced; its tensors follow the usual retention.
   *
   * @param verdict the new verdict, a rejection
   * @return the live pointer afterwards; empty if nothing was changed
   * @throws IllegalArgumentException if the parent has no tensors or is damaged
   */
  public synchronized Optional<LivePointer> withdraw(HeadInfo info, Verdict verdict, String by) {
    catchUp();
    HeadStore store = topic.store();
    LivePointer live = store.live(info.task()).orElseThrow();
    if (live.pinned() || live.version() != info.version()) {
      return Optional.empty();
    }
    Manifest manifest = store.manifest(info.task(), info.version()).orElseThrow();
    requireServable(info.task(), info.parent());
    LivePointer pointer = next(info.task(), info.parent(), false, by);
    topic.readTo(writer.commit(List.of(record(pointer), record(manifest.judged(verdict)))) + 1);
    return Optional.of(confirm(pointer, true));
  }

  @Override
  public synchronized void close() {
    writer.close();
    topic.close();
  }

  private void catchUp() {
    writer.start();
    topic.readTo(0);
  }

  private HeadInfo requireNew(HeadInfo info) {
    long highest = topic.store().highestVersion(info.task()).orElse(-1);
    if (info.version() <= highest) {
      throw new VersionTakenException(
          "version %d of %s is not new: version %d is already published"
              .formatted(info.version(), info.task(), highest));
    }
    return info;
  }

  private void requireServable(String task, long version) {
    try {
      if (topic.store().head(task, version).isEmpty()) {
        throw new IllegalArgumentException(
            "version %d of %s does not exist; existing versions: %s"
                .formatted(
                    version,
                    task,
                    topic.store().versions(task).stream().map(HeadInfo::version).toList()));
      }
    } catch (RejectedHeadException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** Checks what was published: writers with different ids may choose the same version. */
  private void requireWhole(HeadInfo info) {
    topic
        .store()
        .tooLarge(info.task(), info.version())
        .ifPresent(
            reason -> {
              throw new IllegalStateException(
                  reason + " Increase the heap of this process (-Xmx).");
            });
    KafkaException conflict =
        new KafkaException(
            "another writer published version %d of %s at the same time"
                .formatted(info.version(), info.task()));
    try {
      requireServable(info.task(), info.version());
    } catch (IllegalArgumentException e) {
      conflict.addSuppressed(e);
      throw conflict;
    }
    Optional<HeadInfo> kept =
        topic.store().manifest(info.task(), info.version()).map(Manifest::info);
    if (!kept.equals(Optional.of(info))) {
      throw conflict;
    }
  }

  /** After the pointer is read back: writes it again if another writer took its epoch first. */
  private LivePointer confirm(LivePointer written, boolean yieldsToPin) {
    LivePointer live = topic.store().live(written.task()).orElse(written);
    boolean last = topic.store().latest(written.task()).equals(Optional.of(written));
    if (live.equals(written) || !last) {
      return live;
    }
    LivePointer wanted = yieldsToPin && live.held() ? live : written;
    LivePointer retry =
        next(wanted.task(), wanted.version(), wanted.pinned(), wanted.by(), wanted.canary());
    topic.readTo(writer.commit(List.of(record(retry))) + 1);
    return confirm(retry, yieldsToPin);
  }

  private LivePointer next(String task, long version, boolean pinned, String by) {
    return next(task, version, pinned, by, null);
  }

  private LivePointer next(
      String task, long version, boolean pinned, String by, LivePointer.@Nullable Canary canary) {
    long epoch = topic.store().live(task).map(LivePointer::epoch).orElse(0L) + 1;
    return new LivePointer(task, epoch, version, pinned, by, Instant.now(), canary);
  }

  private List<ProducerRecord<String, byte[]>> publication(Head head) {
    HeadInfo info = head.info();
    byte[] bytes = HeadCodec.write(head);
    List<ProducerRecord<String, byte[]>> records = new ArrayList<>();
    int size = settings.chunkBytes();
    for (int from = 0; from < bytes.length; from += size) {
      String key = HeadKey.chunk(info.task(), info.version(), records.size());
      byte[] chunk = Arrays.copyOfRange(bytes, from, from + Math.min(size, bytes.length - from));
      records.add(writer.record(key, chunk));
    }
    String sha256 = HeadCodec.sha256(bytes);
    records.add(record(new Manifest(records.size(), bytes.length, sha256, info)));
    long required =
        HeadStore.weight(records.stream().mapToInt(r -> r.value().length), info.labels().size());
    if (required > topic.store().one()) {
      throw new IllegalArgumentException(
          ("head %d of %s does not fit (%d bytes): the maximum is %d bytes, a sixth of this"
                  + " process's heap; increase it (-Xmx)")
              .formatted(info.version(), info.task(), required, topic.store().one()));
    }
    return records;
  }

  /** Returns tombstones for the tensors of heads beyond the retention; their manifests stay. */
  private List<ProducerRecord<String, byte[]>> retirement(HeadInfo added) {
    return before(added)
        .filter(this::hasTensors)
        .skip(settings.keep() - 1)
        .filter(info -> !needed(added).contains(info.version()))
        .flatMap(info -> tombstones(info).stream())
        .toList();
  }

  /** Returns tombstones for manifests without tensors beyond {@link HeadSettings#HISTORY}. */
  private List<ProducerRecord<String, byte[]>> expiry(HeadInfo added) {
    return before(added)
        .skip(HeadSettings.HISTORY - 1)
        .filter(info -> !hasTensors(info) && !needed(added).contains(info.version()))
        .map(info -> writer.record(HeadKey.manifest(info.task(), info.version()), null))
        .toList();
  }

  /** Returns the task's earlier versions, newest first. */
  private Stream<HeadInfo> before(HeadInfo added) {
    return topic.store().versions(added.task()).stream()
        .sorted(Comparator.comparing(HeadInfo::version).reversed());
  }

  private boolean hasTensors(HeadInfo info) {
    return topic.store().hasTensors(info.task(), info.version());
  }

  /** Returns the live version, its canary and its parent, and the parent of the added version. */
  private Set<Long> needed(HeadInfo added) {
    HeadStore store = topic.store();
    Set<Long> needed = new HashSet<>(Set.of(added.parent()));
    store
        .live(added.task())
        .flatMap(pointer -> store.manifest(pointer.task(), pointer.version()))
        .map(Manifest::info)
        .ifPresent(info -> needed.addAll(List.of(info.version(), info.parent())));
    store
        .live(added.task())
        .map(LivePointer::canary)
        .ifPresent(canary -> needed.add(canary.version()));
    return needed;
  }

  private List<ProducerRecord<String, byte[]>> tombstones(HeadInfo info) {
    List<ProducerRecord<String, byte[]>> records = new ArrayList<>();
    records.add(record(Manifest.withoutTensors(info)));
    for (int chunk : topic.store().chunks(info.task(), info.version())) {
      records.add(writer.record(HeadKey.chunk(info.task(), info.version(), chunk), null));
    }
    return records;
  }

  private ProducerRecord<String, byte[]> record(Manifest manifest) {
    HeadInfo info = manifest.info();
    return writer.record(HeadKey.manifest(info.task(), info.version()), HeadCodec.json(manifest));
  }

  private ProducerRecord<String, byte[]> record(LivePointer pointer) {
    return writer.record(HeadKey.live(pointer.task()), HeadCodec.json(pointer));
  }
}

package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;
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
 * Writes head versions and moves the live pointer. Each call reads the topic to its end, decides,
 * writes one transaction and reads it back; the first call makes this the only writer of its
 * transactional id. Writers of different ids may race for an epoch: the one whose pointer came
 * second writes it again under the next epoch, so that what compaction leaves is what serves.
 *
 * <p>Each method throws {@link org.apache.kafka.common.errors.ProducerFencedException} once another
 * publisher has started under the same id (this one is a zombie and must stop), and another {@link
 * org.apache.kafka.common.KafkaException} where the broker failed it; either way nothing of a
 * failed call is visible unless its message says otherwise, and after such a failure a new
 * publisher is needed. Weights are not judged here: every follower refuses those that are not
 * finite.
 */
public final class HeadPublisher implements AutoCloseable {
  /** Another writer, or a later one of this id, has published since the version was chosen. */
  public static final class VersionTakenException extends IllegalArgumentException {
    private VersionTakenException(String message) {
      super(message);
    }
  }

  private final HeadSettings settings;
  private final HeadWriter writer;
  private final HeadTopic topic;

  /**
   * Connects to nothing yet.
   *
   * @param kafkaConfig client properties
   * @param transactionalId one for each writer there may be at a time, e.g. one for the trainer
   * @throws IllegalStateException where only signed heads are followed and there is no key to sign
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
   * Whether it can go on after whatever failed: as long as it can, nobody should be the writer
   * anew, for that would take over from a successor.
   */
  public synchronized boolean usable() {
    return writer.usable();
  }

  /** Becomes the writer and reads the topic to its end. */
  public synchronized HeadLog read() {
    catchUp();
    return new HeadLog(topic.store().copy());
  }

  /**
   * Publishes the head and makes it live, unless the live one is pinned or has a canary beside it:
   * then the head is published and the pointer stays. Tensors and manifests too old to keep go in
   * the same transaction.
   *
   * @return the pointer that counts now
   * @throws VersionTakenException where the version is not higher than every published one
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
    return settle(pointer, true);
  }

  /**
   * Publishes the head for somebody to approve of; the pointer stays.
   *
   * @throws VersionTakenException where the version is not higher than every published one
   */
  public synchronized void propose(Head head) {
    catchUp();
    publish(head, List.of());
  }

  /**
   * Changes the names of a task's labels, and in the same transaction the live head to one that has
   * them; a pin stays.
   *
   * @throws VersionTakenException where the version is not higher than every published one
   */
  public synchronized LivePointer relabel(LabelAliases aliases, Head head, String by) {
    catchUp();
    HeadInfo info = head.info();
    boolean pinned = topic.store().live(info.task()).filter(LivePointer::pinned).isPresent();
    LivePointer pointer = next(info.task(), info.version(), pinned, by);
    String key = HeadKey.labels(aliases.task());
    publish(head, List.of(record(pointer), writer.record(key, HeadCodec.json(aliases))));
    return settle(pointer, false);
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
   * Records a candidate the gate refused: its verdict is history, its tensors are not kept.
   * Manifests too old to keep go in the same transaction.
   *
   * @throws VersionTakenException where the version is not higher than every published one
   */
  public synchronized void refuse(HeadInfo info) {
    catchUp();
    List<ProducerRecord<String, byte[]>> records = new ArrayList<>();
    records.add(record(Manifest.withoutTensors(requireNew(info))));
    records.addAll(expiry(info));
    topic.readTo(writer.commit(records) + 1);
  }

  /**
   * Lets a published version serve a share of the keys beside the live one, which stays. Every
   * later pointer ends it.
   *
   * @param share of the keys, in (0, 1)
   * @throws IllegalArgumentException where either version is unknown, has no tensors or is damaged,
   *     both are one, or the live one is pinned
   */
  public synchronized LivePointer canary(String task, long version, double share, String by) {
    catchUp();
    requireServable(task, version);
    LivePointer live = topic.store().live(task).orElseThrow(() -> unlived(task));
    if (live.pinned() || live.version() == version) {
      throw new IllegalArgumentException(
          live.pinned()
              ? "head %d of %s is pinned".formatted(live.version(), task)
              : "head %d of %s serves all keys already".formatted(version, task));
    }
    LivePointer pointer =
        next(task, live.version(), false, by, new LivePointer.Canary(version, share));
    topic.readTo(writer.commit(List.of(record(pointer))) + 1);
    return settle(pointer, false);
  }

  private static IllegalArgumentException unlived(String task) {
    return new IllegalArgumentException("no head of %s is live".formatted(task));
  }

  /**
   * Makes a published version live: rolls back, pins, unpins or ends a canary.
   *
   * @throws IllegalArgumentException where the version is unknown, has no tensors or is damaged
   */
  public synchronized LivePointer point(String task, long version, boolean pinned, String by) {
    catchUp();
    requireServable(task, version);
    LivePointer pointer = next(task, version, pinned, by);
    topic.readTo(writer.commit(List.of(record(pointer))) + 1);
    return settle(pointer, false);
  }

  /**
   * Takes a head that proved worse than its parent out of service, unless it is pinned or no longer
   * live. Its verdict becomes history; its tensors stay as long as those of others.
   *
   * @param verdict why; it is not accepted any more
   * @return the pointer that counts now; empty where nothing was changed
   * @throws IllegalArgumentException where the parent has no tensors any more or is damaged
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
    return Optional.of(settle(pointer, true));
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
          "version %d of %s is not new: version %d is published"
              .formatted(info.version(), info.task(), highest));
    }
    return info;
  }

  private void requireServable(String task, long version) {
    try {
      if (topic.store().head(task, version).isEmpty()) {
        throw new IllegalArgumentException(
            "there is no version %d of %s; there are %s"
                .formatted(
                    version,
                    task,
                    topic.store().versions(task).stream().map(HeadInfo::version).toList()));
      }
    } catch (RefusedHeadException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** Writers of other ids take their turn by what they have read: two may take the same. */
  private void requireWhole(HeadInfo info) {
    topic
        .store()
        .tooLarge(info.task(), info.version())
        .ifPresent(
            why -> {
              throw new IllegalStateException(why + " Give this process more heap (-Xmx).");
            });
    KafkaException raced =
        new KafkaException(
            "another writer published version %d of %s at the same time"
                .formatted(info.version(), info.task()));
    try {
      requireServable(info.task(), info.version());
    } catch (IllegalArgumentException e) {
      raced.addSuppressed(e);
      throw raced;
    }
    Optional<HeadInfo> kept =
        topic.store().manifest(info.task(), info.version()).map(Manifest::info);
    if (!kept.equals(Optional.of(info))) {
      throw raced;
    }
  }

  /** After the pointer was read back: writes it again where another took its epoch before it. */
  private LivePointer settle(LivePointer written, boolean yieldsToPin) {
    LivePointer live = topic.store().live(written.task()).orElse(written);
    boolean last = topic.store().latest(written.task()).equals(Optional.of(written));
    if (live.equals(written) || !last) {
      return live;
    }
    LivePointer wanted = yieldsToPin && live.held() ? live : written;
    LivePointer again =
        next(wanted.task(), wanted.version(), wanted.pinned(), wanted.by(), wanted.canary());
    topic.readTo(writer.commit(List.of(record(again))) + 1);
    return settle(again, yieldsToPin);
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
    long weight =
        HeadStore.weight(records.stream().mapToInt(r -> r.value().length), info.labels().size());
    if (weight > topic.store().one()) {
      throw new IllegalArgumentException(
          "head %d of %s weighs %d bytes: no more than %d could be read back, a sixth of this process's heap; give it more (-Xmx)"
              .formatted(info.version(), info.task(), weight, topic.store().one()));
    }
    return records;
  }

  /** Takes the tensors of heads beyond those to keep off the topic; their manifests stay. */
  private List<ProducerRecord<String, byte[]>> retirement(HeadInfo added) {
    return before(added)
        .filter(this::hasTensors)
        .skip(settings.keep() - 1)
        .filter(info -> !needed(added).contains(info.version()))
        .flatMap(info -> tombstones(info).stream())
        .toList();
  }

  /** Takes the manifests of versions without tensors beyond {@link HeadSettings#HISTORY} off it. */
  private List<ProducerRecord<String, byte[]>> expiry(HeadInfo added) {
    return before(added)
        .skip(HeadSettings.HISTORY - 1)
        .filter(info -> !hasTensors(info) && !needed(added).contains(info.version()))
        .map(info -> writer.record(HeadKey.manifest(info.task(), info.version()), null))
        .toList();
  }

  /** The task's versions before this one, newest first. */
  private Stream<HeadInfo> before(HeadInfo added) {
    return topic.store().versions(added.task()).stream()
        .sorted(Comparator.comparing(HeadInfo::version).reversed());
  }

  private boolean hasTensors(HeadInfo info) {
    return topic.store().hasTensors(info.task(), info.version());
  }

  /** The live version and its canary, what it would be rolled back to, and what this one would. */
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

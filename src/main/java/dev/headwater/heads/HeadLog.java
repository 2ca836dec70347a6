package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RefusedHeadException;
import dev.headwater.schema.Topic;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every head version and pointer of a heads topic as of one moment. */
public final class HeadLog {
  private static final Logger log = LoggerFactory.getLogger(HeadLog.class);

  private final HeadStore store;

  HeadLog(HeadStore store) {
    this.store = store;
  }

  /**
   * Reads the topic to its end without becoming a writer.
   *
   * @throws org.apache.kafka.common.KafkaException where the topic is missing or cannot be read
   */
  public static HeadLog read(
      Map<String, Object> kafka, Topic<String, byte[]> heads, Signatures signatures) {
    try (HeadTopic topic = new HeadTopic(kafka, heads, signatures)) {
      topic.readTo(0);
      return new HeadLog(topic.store());
    }
  }

  /** Every task with a head or a pointer. */
  public SortedSet<String> tasks() {
    return store.tasks();
  }

  /** The task's versions, refused ones too, ascending; of very old ones nothing is known. */
  public List<HeadInfo> versions(String task) {
    return store.versions(task);
  }

  /** Which version serves; empty before the first. */
  public Optional<LivePointer> live(String task) {
    return store.live(task);
  }

  /** The version that is live; 0, the bundle's own, where none was ever made so. */
  public long liveVersion(String task) {
    return live(task).map(LivePointer::version).orElse(0L);
  }

  /** What became of the task's labels. */
  public LabelAliases aliases(String task) {
    return store.aliases(task);
  }

  /** Whether the version can be served, rolled back to and exported. */
  public boolean hasTensors(String task, long version) {
    return store.hasTensors(task, version) && tooLarge(task, version).isEmpty();
  }

  /** Why nothing is kept here of a version that is on the topic; empty where that is not so. */
  public Optional<String> tooLarge(String task, long version) {
    return store.tooLarge(task, version);
  }

  /**
   * The version with its tensors; empty where it is unknown or too large, was refused or has been
   * retired.
   *
   * @throws IllegalStateException where its bytes are there, but damaged
   */
  public Optional<Head> head(String task, long version) {
    try {
      return hasTensors(task, version) ? store.head(task, version) : Optional.empty();
    } catch (RefusedHeadException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  /** As {@link #head}, and empty where its bytes are damaged as well: for who can do without. */
  public Optional<Head> sound(String task, long version) {
    try {
      return head(task, version);
    } catch (IllegalStateException e) {
      log.atWarn()
          .addKeyValue("task", task)
          .addKeyValue("version", version)
          .log("a head on the topic is damaged: {}", e.getMessage());
      return Optional.empty();
    }
  }

  /** The number the next candidate gets, accepted or not; 1 on an empty topic. */
  public long nextVersion(String task) {
    return store.highestVersion(task).orElse(0) + 1;
  }
}

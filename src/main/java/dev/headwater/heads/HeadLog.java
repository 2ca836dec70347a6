package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Topic;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A snapshot of the head versions and live pointers of a heads topic. */
public final class HeadLog {
  private static final Logger log = LoggerFactory.getLogger(HeadLog.class);

  private final HeadStore store;

  HeadLog(HeadStore store) {
    this.store = store;
  }

  /**
   * Reads the topic to its end, without becoming a writer.
   *
   * @throws org.apache.kafka.common.KafkaException if the topic is missing or cannot be read
   */
  public static HeadLog read(
      Map<String, Object> kafka, Topic<String, byte[]> heads, Signatures signatures) {
    try (HeadTopic topic = new HeadTopic(kafka, heads, signatures)) {
      topic.readTo(0);
      return new HeadLog(topic.store());
    }
  }

  /** Returns all tasks with a head or a pointer. */
  public SortedSet<String> tasks() {
    return store.tasks();
  }

  /** Returns the task's versions, also rejected ones, ascending; very old ones are missing. */
  public List<HeadInfo> versions(String task) {
    return store.versions(task);
  }

  /** Returns the live pointer; empty before the first promotion. */
  public Optional<LivePointer> live(String task) {
    return store.live(task);
  }

  /** Returns the live version; 0, the head of the bundle, before the first promotion. */
  public long liveVersion(String task) {
    return live(task).map(LivePointer::version).orElse(0L);
  }

  /** Returns the label aliases of the task. */
  public LabelAliases aliases(String task) {
    return store.aliases(task);
  }

  /** Returns whether the version can be served, rolled back to and exported. */
  public boolean hasTensors(String task, long version) {
    return store.hasTensors(task, version) && tooLarge(task, version).isEmpty();
  }

  /** Returns why a version on the topic is too large to keep in memory; empty if it is not. */
  public Optional<String> tooLarge(String task, long version) {
    return store.tooLarge(task, version);
  }

  /**
   * Returns the version with its tensors; empty if it is unknown, too large, rejected or retired.
   *
   * @throws IllegalStateException if its bytes are damaged
   */
  public Optional<Head> head(String task, long version) {
    try {
      return hasTensors(task, version) ? store.head(task, version) : Optional.empty();
    } catch (RejectedHeadException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  /** As {@link #head}, but also empty if its bytes are damaged. */
  public Optional<Head> sound(String task, long version) {
    try {
      return head(task, version);
    } catch (IllegalStateException e) {
      log.atWarn()
          .addKeyValue("task", task)
          .addKeyValue("version", version)
          .log("skipping damaged head: {}", e.getMessage());
      return Optional.empty();
    }
  }

  /** Returns the version of the next candidate, accepted or not; 1 on an empty topic. */
  public long nextVersion(String task) {
    return store.highestVersion(task).orElse(0) + 1;
  }
}

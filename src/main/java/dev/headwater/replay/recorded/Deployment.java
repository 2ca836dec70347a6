package dev.headwater.replay.recorded;

import dev.headwater.heads.HeadLog;
import dev.headwater.heads.Signatures;
import dev.headwater.schema.Topics;
import java.util.Map;

/**
 * A deployment whose topics are read.
 *
 * @param kafka client properties
 * @param signatures verifies the signatures of its heads
 */
public record Deployment(
    String name, Map<String, Object> kafka, Topics topics, Signatures signatures) {

  /** Reads the current state of its heads topic. */
  public HeadLog heads() {
    return HeadLog.read(kafka, topics.heads(), signatures);
  }
}

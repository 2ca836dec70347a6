package dev.headwater.bench;

import dev.headwater.schema.Topics;
import java.nio.file.Path;
import java.util.Map;

/** Scores a topic of records: from {@code topics.records()} to {@code topics.predictions()}. */
interface Contestant {
  /** Its key in the report. */
  String name();

  /**
   * Starts to score.
   *
   * @param group the consumer group whose committed offsets tell how far it is
   * @return stops it
   */
  AutoCloseable start(Topics topics, String group, Path stateDirectory, Map<String, Object> kafka)
      throws Exception;
}

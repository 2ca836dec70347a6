package dev.headwater.bench;

import dev.headwater.schema.Topics;
import java.nio.file.Path;
import java.util.Map;

/** A variant that scores {@code topics.records()} to {@code topics.predictions()}. */
interface Variant {
  /** Returns the key in the report. */
  String name();

  /**
   * Starts scoring.
   *
   * @param group consumer group whose committed offsets show the progress
   * @return a handle that stops it
   */
  AutoCloseable start(Topics topics, String group, Path stateDirectory, Map<String, Object> kafka)
      throws Exception;
}

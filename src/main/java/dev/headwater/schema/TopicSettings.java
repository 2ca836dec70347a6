package dev.headwater.schema;

import java.time.Duration;

/**
 * The settings that topics are created with.
 *
 * @param partitions partition count of records, labels, predictions, review and dead letters; not
 *     checked on existing topics, because it may be increased at any time
 * @param joinPartitions partition count of pending, labels-by-id and samples; fixed for the life of
 *     a deployment, because the label join keeps its state by partition
 * @param replicationFactor replication factor of every topic; -1 is the broker's default
 * @param labelWait how long a record waits for its label
 * @param samplesRetention how far back the trainer can rebuild its memory
 */
public record TopicSettings(
    int partitions,
    int joinPartitions,
    short replicationFactor,
    Duration labelWait,
    Duration samplesRetention) {

  public TopicSettings {
    if (partitions < 1 || joinPartitions < 1) {
      throw new IllegalArgumentException(
          "partitions must be at least 1, got "
              + partitions
              + " and, for the label join, "
              + joinPartitions);
    }
    if (replicationFactor != -1 && replicationFactor < 1) {
      throw new IllegalArgumentException(
          "replication factor must be at least 1, or -1 for the broker's default, got "
              + replicationFactor);
    }
    if (labelWait.toMillis() < 1 || samplesRetention.toMillis() < 1) {
      throw new IllegalArgumentException(
          "label wait and samples retention must be positive, got %s and %s"
              .formatted(labelWait, samplesRetention));
    }
  }

  /** Returns the same settings with replication factor 1, for a single broker. */
  public TopicSettings unreplicated() {
    return new TopicSettings(partitions, joinPartitions, (short) 1, labelWait, samplesRetention);
  }
}

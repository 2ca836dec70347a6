package dev.headwater.schema;

import java.time.Duration;

/**
 * How topics are made.
 *
 * @param partitions of what producers and consumers share: records, labels, predictions, review and
 *     dead letters; never checked, for they may grow at any time
 * @param joinPartitions of pending, labels-by-id and samples; fixed for the life of a deployment,
 *     for the label join keeps its state by partition
 * @param replicationFactor of every topic; -1 leaves it to the broker
 * @param labelWait how long a record waits for its label
 * @param samplesRetention how far back the trainer's memory reaches when it is rebuilt
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
          "partitions must be at least 1, got " + partitions + " and, to join, " + joinPartitions);
    }
    if (replicationFactor != -1 && replicationFactor < 1) {
      throw new IllegalArgumentException(
          "replication factor must be at least 1, or -1 for the broker's, got "
              + replicationFactor);
    }
    if (labelWait.toMillis() < 1 || samplesRetention.toMillis() < 1) {
      throw new IllegalArgumentException(
          "label wait and samples retention must be positive, got %s and %s"
              .formatted(labelWait, samplesRetention));
    }
  }

  /** As one broker can make them. */
  public TopicSettings unreplicated() {
    return new TopicSettings(partitions, joinPartitions, (short) 1, labelWait, samplesRetention);
  }
}

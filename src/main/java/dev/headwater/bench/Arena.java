package dev.headwater.bench;

import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.TopicSetup;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;

/**
 * The environment of the runs: a broker, the records, and topics for each run.
 *
 * @param kafka client properties
 * @param scratch directory for state stores
 */
record Arena(Map<String, Object> kafka, TopicSettings settings, Backlog backlog, Path scratch) {

  /**
   * Creates the topics of a run.
   *
   * @param records topic of the records, which may exist already
   * @param prefix prefix of the other topics
   */
  TopicNames open(String records, String prefix) {
    TopicNames prefixed = TopicNames.prefixed(prefix);
    TopicNames names =
        new TopicNames(
            List.of(records),
            prefixed.predictions(),
            prefixed.review(),
            prefixed.labels(),
            prefixed.pending(),
            prefixed.labelsById(),
            prefixed.samples(),
            prefixed.heads(),
            prefixed.deadLetters());
    new TopicSetup(kafka, names, settings).create();
    return names;
  }

  /** Deletes all topics with a prefix, including the internal topics of Kafka Streams. */
  void close(String prefix) throws InterruptedException, ExecutionException {
    try (Admin admin = Admin.create(kafka)) {
      Set<String> topics =
          admin.listTopics().names().get().stream()
              .filter(name -> name.startsWith(prefix + "-"))
              .collect(Collectors.toSet());
      admin.deleteTopics(topics).all().get();
    }
  }
}

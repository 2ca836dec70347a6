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
 * Where runs take place: a broker, the records, and topics for each run.
 *
 * @param kafka client properties
 * @param scratch for stores
 */
record Arena(Map<String, Object> kafka, TopicSettings settings, Backlog backlog, Path scratch) {

  /**
   * Makes a run's topics.
   *
   * @param records the topic of the records, which may be there
   * @param prefix of the others
   */
  TopicNames open(String records, String prefix) {
    TopicNames own = TopicNames.prefixed(prefix);
    TopicNames names =
        new TopicNames(
            List.of(records),
            own.predictions(),
            own.review(),
            own.labels(),
            own.pending(),
            own.labelsById(),
            own.samples(),
            own.heads(),
            own.deadLetters());
    new TopicSetup(kafka, names, settings).create();
    return names;
  }

  /** Deletes every topic under a prefix, those that Streams made for itself included. */
  void close(String prefix) throws InterruptedException, ExecutionException {
    try (Admin admin = Admin.create(kafka)) {
      Set<String> ours =
          admin.listTopics().names().get().stream()
              .filter(name -> name.startsWith(prefix + "-"))
              .collect(Collectors.toSet());
      admin.deleteTopics(ours).all().get();
    }
  }
}

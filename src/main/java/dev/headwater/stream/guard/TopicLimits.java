package dev.headwater.stream.guard;

import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks the broker, once at start, what the topology takes for granted of its topics. */
public final class TopicLimits {
  private TopicLimits() {}

  /** Beside the topics: the largest sample that the label join can keep. */
  public static final String KEPT = "changelogs of the label join";

  private static final Logger log = LoggerFactory.getLogger(TopicLimits.class);

  /** What a store's changelog has more of a record than the topic it came from, or goes to. */
  private static final int STORED = 512;

  /**
   * The size limits of every topic written to, and under {@link #KEPT} of what the label join can
   * keep: its changelogs are there already or will be made.
   *
   * @param changelogs names
   * @throws IllegalStateException if a topic is missing, or the two the label join reads do not
   *     match: it would never see some labels
   * @throws KafkaException if the broker does not answer within seconds; where that may pass, a
   *     {@link org.apache.kafka.common.errors.RetriableException} is among its causes
   */
  public static Limits read(
      Map<String, Object> kafka, Topics topics, int maxRequestSize, List<String> changelogs) {
    try (Admin admin = Admin.create(TopicSetup.impatient(kafka))) {
      Map<String, Integer> partitions = partitions(admin, topics);
      requireEqual(partitions, topics.pending(), topics.labelsById());
      Map<String, Integer> limits = new HashMap<>(maxMessageBytes(admin, written(topics)));
      int kept =
          Stream.concat(Stream.of(maxRequestSize), changelogLimits(admin, changelogs))
              .min(Integer::compare)
              .orElseThrow();
      limits.put(KEPT, kept - STORED);
      for (Topic<?, ?> topic : List.of(topics.pending(), topics.labelsById())) {
        int own = Objects.requireNonNull(limits.get(topic.name()), "a topic that is written to");
        if (own > kept && kept < maxRequestSize) {
          log.atWarn()
              .addKeyValue("topic", topic.name())
              .addKeyValue("takes", own)
              .addKeyValue("changelogs", kept)
              .log("the label join keeps less than its topic takes: raise its changelogs' limit");
        }
        limits.put(topic.name(), Math.min(own, kept - STORED));
      }
      return new Limits(maxRequestSize, limits);
    }
  }

  /**
   * The size limit of one topic.
   *
   * @throws KafkaException as {@link #read}, and where the topic is missing
   */
  public static Limits of(Map<String, Object> kafka, String topic, int maxRequestSize) {
    try (Admin admin = Admin.create(TopicSetup.impatient(kafka))) {
      return new Limits(maxRequestSize, maxMessageBytes(admin, List.of(topic)));
    }
  }

  /** Of those that are there: Streams makes the others when it starts, as large as it is told. */
  private static Stream<Integer> changelogLimits(Admin admin, List<String> changelogs) {
    List<Integer> limits = new ArrayList<>();
    for (String changelog : changelogs) {
      try {
        limits.addAll(maxMessageBytes(admin, List.of(changelog)).values());
      } catch (KafkaException e) {
        Throwable cause = e.getCause(); // of the future's own exception
        Throwable told = cause == null ? null : cause.getCause();
        if (told instanceof TopicAuthorizationException) {
          log.atWarn()
              .addKeyValue("topic", changelog)
              .log("its limit may not be read: grant what 'topics acls' prints");
        } else if (!(told instanceof UnknownTopicOrPartitionException)) {
          throw e;
        }
      }
    }
    return limits.stream();
  }

  /** What a changelog must take, so that all that its topics take can be kept. */
  public static int changelogBytes(Limits limits, Topics topics) {
    return STORED
        + Stream.of(topics.pending(), topics.labelsById(), topics.samples())
            .mapToInt(topic -> limits.of(topic.name()))
            .max()
            .orElseThrow();
  }

  private static Map<String, Integer> partitions(Admin admin, Topics topics) {
    List<String> names =
        Stream.concat(
                topics.records().stream().map(Topic::name),
                Stream.concat(
                    Stream.of(topics.labels().name(), topics.heads().name()),
                    written(topics).stream()))
            .toList();
    Map<String, Integer> partitions = new TreeMap<>();
    List<String> missing =
        admin.describeTopics(names).topicNameValues().entrySet().stream()
            .filter(entry -> !described(entry.getKey(), entry.getValue(), partitions))
            .map(Map.Entry::getKey)
            .sorted()
            .toList();
    if (!missing.isEmpty()) {
      throw new IllegalStateException(
          "topics missing: " + String.join(", ", missing) + "; create them with `topics create`");
    }
    return partitions;
  }

  private static boolean described(
      String name, KafkaFuture<TopicDescription> topic, Map<String, Integer> partitions) {
    try {
      partitions.put(name, topic.get().partitions().size());
      return true;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownTopicOrPartitionException) {
        return false;
      }
      throw new KafkaException("topic " + name + " cannot be described: " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  private static void requireEqual(
      Map<String, Integer> partitions, Topic<?, ?> pending, Topic<?, ?> labelsById) {
    Integer waiting = partitions.get(pending.name());
    Integer labels = partitions.get(labelsById.name());
    if (!Objects.equals(waiting, labels)) {
      throw new IllegalStateException(
          "%s has %d partitions and %s has %d: the label join needs the same count on both"
              .formatted(pending.name(), waiting, labelsById.name(), labels));
    }
  }

  private static Map<String, Integer> maxMessageBytes(Admin admin, List<String> topics) {
    Map<String, Integer> limits = new HashMap<>();
    try {
      admin
          .describeConfigs(
              topics.stream()
                  .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name))
                  .toList())
          .all()
          .get()
          .forEach(
              (topic, config) ->
                  limits.put(
                      topic.name(),
                      Integer.valueOf(config.get(TopicConfig.MAX_MESSAGE_BYTES_CONFIG).value())));
      return limits;
    } catch (ExecutionException e) {
      throw new KafkaException("topics' limits cannot be read: " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  private static List<String> written(Topics topics) {
    return Stream.of(
            topics.predictions(),
            topics.review(),
            topics.pending(),
            topics.labelsById(),
            topics.samples(),
            topics.deadLetters())
        .map(Topic::name)
        .toList();
  }
}

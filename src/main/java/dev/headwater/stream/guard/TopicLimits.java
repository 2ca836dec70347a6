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

/** Reads size limits and partition counts of the topics from the broker, once at start. */
public final class TopicLimits {
  private TopicLimits() {}

  /** Pseudo-topic in {@link Limits} for the maximum record size of the label join's stores. */
  public static final String STORES = "changelogs of the label join";

  private static final Logger log = LoggerFactory.getLogger(TopicLimits.class);

  /** Maximum overhead of a changelog record over the same record on its topic, in bytes. */
  private static final int CHANGELOG_OVERHEAD = 512;

  /**
   * Returns the size limits of all output topics and, under {@link #STORES}, of the stores of the
   * label join.
   *
   * @param changelogs names of the changelog topics, which may not exist yet
   * @throws IllegalStateException if a topic is missing, or the input topics of the label join have
   *     different partition counts, because some labels would then never match
   * @throws KafkaException if the broker does not answer within seconds. For a transient failure, a
   *     {@link org.apache.kafka.common.errors.RetriableException} is among its causes
   */
  public static Limits read(
      Map<String, Object> kafka, Topics topics, int maxRequestSize, List<String> changelogs) {
    try (Admin admin = Admin.create(TopicSetup.impatient(kafka))) {
      Map<String, Integer> partitions = partitions(admin, topics);
      requireEqual(partitions, topics.pending(), topics.labelsById());
      Map<String, Integer> limits = new HashMap<>(maxMessageBytes(admin, outputs(topics)));
      int storeLimit =
          Stream.concat(Stream.of(maxRequestSize), changelogLimits(admin, changelogs))
              .min(Integer::compare)
              .orElseThrow();
      limits.put(STORES, storeLimit - CHANGELOG_OVERHEAD);
      for (Topic<?, ?> topic : List.of(topics.pending(), topics.labelsById())) {
        int topicLimit =
            Objects.requireNonNull(limits.get(topic.name()), "limit of an output topic");
        if (topicLimit > storeLimit && storeLimit < maxRequestSize) {
          log.atWarn()
              .addKeyValue("topic", topic.name())
              .addKeyValue("topicLimit", topicLimit)
              .addKeyValue("changelogLimit", storeLimit)
              .log("label join changelogs have a lower size limit: raise their max.message.bytes");
        }
        limits.put(topic.name(), Math.min(topicLimit, storeLimit - CHANGELOG_OVERHEAD));
      }
      return new Limits(maxRequestSize, limits);
    }
  }

  /**
   * Returns the size limit of one topic.
   *
   * @throws KafkaException as {@link #read}, and if the topic is missing
   */
  public static Limits of(Map<String, Object> kafka, String topic, int maxRequestSize) {
    try (Admin admin = Admin.create(TopicSetup.impatient(kafka))) {
      return new Limits(maxRequestSize, maxMessageBytes(admin, List.of(topic)));
    }
  }

  /** Returns the limits of existing changelogs; Kafka Streams creates the others at start. */
  private static Stream<Integer> changelogLimits(Admin admin, List<String> changelogs) {
    List<Integer> limits = new ArrayList<>();
    for (String changelog : changelogs) {
      try {
        limits.addAll(maxMessageBytes(admin, List.of(changelog)).values());
      } catch (KafkaException e) {
        Throwable cause = e.getCause(); // the ExecutionException of the future
        Throwable error = cause == null ? null : cause.getCause();
        if (error instanceof TopicAuthorizationException) {
          log.atWarn()
              .addKeyValue("topic", changelog)
              .log("not authorised to read the size limit: grant the ACLs of 'topics acls'");
        } else if (!(error instanceof UnknownTopicOrPartitionException)) {
          throw e;
        }
      }
    }
    return limits.stream();
  }

  /** Returns the changelog size limit that suffices for all records of the join's topics. */
  public static int changelogBytes(Limits limits, Topics topics) {
    return CHANGELOG_OVERHEAD
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
                    outputs(topics).stream()))
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
          "missing topics: " + String.join(", ", missing) + "; create them with `topics create`");
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
      throw new KafkaException("cannot describe topic " + name + ": " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  private static void requireEqual(
      Map<String, Integer> partitions, Topic<?, ?> pending, Topic<?, ?> labelsById) {
    Integer pendingCount = partitions.get(pending.name());
    Integer labelsCount = partitions.get(labelsById.name());
    if (!Objects.equals(pendingCount, labelsCount)) {
      throw new IllegalStateException(
          "%s has %d partitions and %s has %d: the label join requires equal partition counts"
              .formatted(pending.name(), pendingCount, labelsById.name(), labelsCount));
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
      throw new KafkaException("cannot read the size limits of topics: " + e.getCause(), e);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  private static List<String> outputs(Topics topics) {
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

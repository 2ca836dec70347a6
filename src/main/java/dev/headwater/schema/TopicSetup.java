package dev.headwater.schema;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;

/**
 * Creates the topics of a deployment and checks existing ones. Never alters an existing topic.
 * Throws {@link KafkaException} if the broker does not respond or rejects a request.
 */
public final class TopicSetup {
  private static final Duration LEADERS = Duration.ofSeconds(30);
  private static final Duration POLL = Duration.ofMillis(50);
  private static final int IMPATIENT_MS = 5_000;

  private final Map<String, Object> kafka;
  private final List<TopicPlan> plans;
  private final short replicationFactor;

  /**
   * @param kafka client properties
   */
  public TopicSetup(Map<String, Object> kafka, TopicNames names, TopicSettings settings) {
    this.kafka = Map.copyOf(kafka);
    this.plans = TopicPlan.of(names, settings);
    this.replicationFactor = settings.replicationFactor();
  }

  /** Returns client properties with short timeouts, for callers that report, retry or stop. */
  public static Map<String, Object> impatient(Map<String, Object> kafka) {
    Map<String, Object> impatient = new HashMap<>(kafka);
    impatient.put(AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, IMPATIENT_MS);
    impatient.put(AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, IMPATIENT_MS);
    return impatient;
  }

  /** Creates the missing topics and returns their names. Idempotent; safe to run concurrently. */
  public List<String> create() {
    try (Admin admin = Admin.create(kafka)) {
      Map<String, KafkaFuture<Void>> created =
          admin
              .createTopics(plans.stream().map(plan -> plan.newTopic(replicationFactor)).toList())
              .values();
      List<String> names = new ArrayList<>();
      created.forEach(
          (name, done) ->
              answer(done.thenApply(nothing -> name), TopicExistsException.class)
                  .ifPresent(names::add));
      awaitLeaders(admin, plans.stream().filter(plan -> names.contains(plan.name())).toList());
      return names;
    }
  }

  /** Returns the problems that break the deployment or lose its data, one message per problem. */
  public List<String> check() {
    try (Admin admin = Admin.create(kafka)) {
      Map<String, TopicDescription> topics =
          describe(admin, plans.stream().map(TopicPlan::name).toList());
      Map<String, Map<String, String>> configs = configs(admin, topics.keySet());
      return plans.stream()
          .flatMap(plan -> problems(plan, topics.get(plan.name()), configs).stream())
          .toList();
    }
  }

  private List<String> problems(
      TopicPlan plan, @Nullable TopicDescription topic, Map<String, Map<String, String>> configs) {
    if (topic == null) {
      return List.of(
          "topic " + plan.name() + " does not exist: create it with 'headwater topics create'");
    }
    int replicas =
        topic.partitions().stream().mapToInt(each -> each.replicas().size()).min().orElse(0);
    return plan.problems(
        topic.partitions().size(),
        replicas,
        replicationFactor,
        configs.getOrDefault(plan.name(), Map.of()));
  }

  /**
   * Waits for partition leaders, because the controller responds before the leaders know the topic.
   * Otherwise a leader might reject a producer's first batch and accept its second, and the first
   * would stay rejected.
   */
  private static void awaitLeaders(Admin admin, List<TopicPlan> plans) {
    Map<TopicPartition, OffsetSpec> all = new HashMap<>();
    for (TopicPlan plan : plans) {
      for (int i = 0; i < plan.partitions(); i++) {
        all.put(new TopicPartition(plan.name(), i), OffsetSpec.latest());
      }
    }
    long deadline = System.nanoTime() + LEADERS.toNanos();
    while (answer(admin.listOffsets(all).all(), UnknownTopicOrPartitionException.class).isEmpty()) {
      if (System.nanoTime() > deadline) {
        throw new TimeoutException("created topics have no leaders after " + LEADERS);
      }
      LockSupport.parkNanos(POLL.toNanos());
    }
  }

  private static Map<String, TopicDescription> describe(Admin admin, List<String> names) {
    Map<String, TopicDescription> found = new HashMap<>();
    admin
        .describeTopics(names)
        .topicNameValues()
        .forEach(
            (name, topic) ->
                answer(topic, UnknownTopicOrPartitionException.class)
                    .ifPresent(there -> found.put(name, there)));
    return found;
  }

  private static Map<String, Map<String, String>> configs(Admin admin, Set<String> topics) {
    Map<String, Map<String, String>> configs = new HashMap<>();
    admin
        .describeConfigs(
            topics.stream()
                .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name))
                .toList())
        .values()
        .forEach(
            (resource, config) ->
                answer(config, UnknownTopicOrPartitionException.class)
                    .ifPresent(there -> configs.put(resource.name(), values(there))));
    return configs;
  }

  private static Map<String, String> values(Config config) {
    return config.entries().stream()
        .filter(entry -> entry.value() != null)
        .collect(Collectors.toMap(ConfigEntry::name, ConfigEntry::value));
  }

  /** Waits for the broker; empty if it fails with the expected exception. */
  private static <T> Optional<T> answer(
      KafkaFuture<T> future, Class<? extends ApiException> expected) {
    try {
      return Optional.of(future.get());
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (expected.isInstance(cause)) {
        return Optional.empty();
      }
      throw new KafkaException("topic request failed: " + cause.getMessage(), cause);
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }
}

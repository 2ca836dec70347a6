package dev.headwater.schema;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.TopicConfig;
import org.jspecify.annotations.Nullable;

/**
 * The required configuration of one topic.
 *
 * @param partitionsBecause why the partition count is fixed; null if any count is valid
 */
record TopicPlan(
    String name, int partitions, @Nullable String partitionsBecause, List<Setting> settings) {
  /** Kafka's default; a head chunk with its key and batch overhead stays below it. */
  private static final long MESSAGE_BYTES = (1 << 20) + 12;

  /** A dead letter is a complete record plus additional headers. */
  private static final long DEAD_LETTER_BYTES = MESSAGE_BYTES + (64 << 10);

  /** Maximum age of the active segment, which compaction skips. */
  private static final String DAY_MS = "86400000";

  private static final Setting DELETE =
      exactly(TopicConfig.CLEANUP_POLICY_CONFIG, "delete", "compaction would lose records");
  private static final Setting APPEND_TIME =
      exactly(
          TopicConfig.MESSAGE_TIMESTAMP_TYPE_CONFIG,
          "LogAppendTime",
          "with CreateTime, replayed old records would expire immediately");

  /** Checked, but not set: brokers before Kafka 3.6 have neither the setting nor the limit. */
  private static final Setting ANY_AGE =
      new Setting(
          TopicConfig.MESSAGE_TIMESTAMP_BEFORE_MAX_MS_CONFIG,
          "",
          found -> found.isEmpty() || found.equals(Long.toString(Long.MAX_VALUE)),
          Long.MAX_VALUE
              + " (predictions have the timestamp of their record; a rejected one stops scoring)");

  /**
   * A required topic setting.
   *
   * @param value the value for a new topic; empty leaves it to the broker
   * @param valid whether a value of an existing topic is valid
   * @param expected the valid values, for messages
   */
  record Setting(String key, String value, Predicate<String> valid, String expected) {}

  /** Returns the plans of all topics of a deployment. */
  static List<TopicPlan> of(TopicNames names, TopicSettings settings) {
    List<TopicPlan> plans = new ArrayList<>();
    names.records().forEach(name -> plans.add(shared(name, settings)));
    plans.add(shared(names.labels(), settings, DELETE));
    plans.add(shared(names.predictions(), settings, DELETE, ANY_AGE));
    plans.add(shared(names.review(), settings, DELETE));
    plans.add(
        shared(
            names.deadLetters(),
            settings,
            DELETE,
            atLeast(
                TopicConfig.MAX_MESSAGE_BYTES_CONFIG,
                DEAD_LETTER_BYTES,
                "the failed record plus headers")));
    String join = "the label join needs the same fixed count on pending and labels-by-id";
    Setting wait =
        atLeast(
            TopicConfig.RETENTION_MS_CONFIG,
            settings.labelWait().toMillis(),
            "the label wait: records must not expire before their labels arrive");
    plans.add(joined(names.pending(), settings, join, DELETE, APPEND_TIME, wait));
    plans.add(joined(names.labelsById(), settings, join, DELETE, APPEND_TIME, wait));
    plans.add(samples(names, settings));
    plans.add(heads(names));
    return plans;
  }

  NewTopic newTopic(short replicationFactor) {
    return new NewTopic(
            name,
            Optional.of(partitions),
            replicationFactor < 0 ? Optional.empty() : Optional.of(replicationFactor))
        .configs(
            settings.stream()
                .filter(setting -> !setting.value().isEmpty())
                .collect(Collectors.toMap(Setting::key, Setting::value)));
  }

  /** Returns the problems of an existing topic, one message per problem. */
  List<String> problems(
      int foundPartitions, int foundReplicas, short wantedReplicas, Map<String, String> config) {
    List<String> problems = new ArrayList<>();
    if (partitionsBecause != null && foundPartitions != partitions) {
      problems.add(
          problem(
              "partition count",
              foundPartitions + "",
              partitions + " (" + partitionsBecause + ")"));
    }
    if (foundReplicas < wantedReplicas) {
      problems.add(problem("replication factor", foundReplicas + "", "at least " + wantedReplicas));
    }
    for (Setting setting : settings) {
      String found = config.getOrDefault(setting.key(), "");
      if (!setting.valid().test(found)) {
        problems.add(problem(setting.key(), found, setting.expected()));
      }
    }
    return problems;
  }

  private String problem(String setting, String found, String expected) {
    return "topic %s: %s is %s, expected %s".formatted(name, setting, found, expected);
  }

  private static TopicPlan shared(String name, TopicSettings settings, Setting... required) {
    return new TopicPlan(name, settings.partitions(), null, List.of(required));
  }

  private static TopicPlan joined(
      String name, TopicSettings settings, String because, Setting... required) {
    return new TopicPlan(name, settings.joinPartitions(), because, List.of(required));
  }

  private static TopicPlan samples(TopicNames names, TopicSettings settings) {
    return new TopicPlan(
        names.samples(),
        settings.joinPartitions(),
        null,
        List.of(
            DELETE,
            APPEND_TIME,
            atLeast(
                TopicConfig.RETENTION_MS_CONFIG,
                settings.samplesRetention().toMillis(),
                "the horizon of the trainer's memory"),
            exactly(
                TopicConfig.RETENTION_BYTES_CONFIG,
                "-1",
                "a size limit would shorten the trainer's memory"),
            exactly(TopicConfig.COMPRESSION_TYPE_CONFIG, "zstd", "samples are mostly floats")));
  }

  private static TopicPlan heads(TopicNames names) {
    return new TopicPlan(
        names.heads(),
        1,
        "head versions and pointers need a total order",
        List.of(
            exactly(
                TopicConfig.CLEANUP_POLICY_CONFIG,
                "compact",
                "with deletion, the live head would expire"),
            atLeast(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, MESSAGE_BYTES, "size of a head chunk"),
            new Setting(TopicConfig.SEGMENT_MS_CONFIG, DAY_MS, found -> true, "")));
  }

  private static Setting exactly(String key, String value, String because) {
    return new Setting(key, value, value::equals, value + " (" + because + ")");
  }

  /** Requires a minimum; {@code -1}, which means no limit in Kafka, is always valid. */
  private static Setting atLeast(String key, long value, String because) {
    return new Setting(
        key,
        Long.toString(value),
        found -> found.equals("-1") || (!found.isEmpty() && Long.parseLong(found) >= value),
        "at least " + value + " (" + because + ")");
  }
}

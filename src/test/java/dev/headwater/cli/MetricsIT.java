package dev.headwater.cli;

import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.GeneratedFile;
import dev.headwater.stream.FreePort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/**
 * docs/reference/metrics.md lists the metrics that a scorer and a trainer export, and no others.
 */
class MetricsIT extends CommandedDeployment {
  private static final Pattern SAMPLE = Pattern.compile("(\\w+)(?:\\{(.*)})? (\\S+)");
  private static final Pattern LABEL = Pattern.compile("(\\w+)=\"([^\"]*)\"");

  /** Labels whose values the code defines, so that the page lists them. */
  private static final Set<String> CLOSED =
      Set.of("reason", "cause", "verdict", "stage", "head", "probe");

  /** Labels whose values a deployment defines. */
  private static final Set<String> OPEN = Set.of("task", "topic");

  /** Has no maximum, because Micrometer does not make it. */
  private static final String CONFIDENCE = "headwater_confidence_ratio";

  @Test
  void theReferenceListsWhatBothProcessesExport() throws Exception {
    assertThat(run("topics", "create")).isZero();
    int trainerPort = FreePort.next();
    Files.writeString(
        config,
        Files.readString(config).replace("http: {", "http: {trainer-port: " + trainerPort + ", "));
    try (Running scorer = Running.start("serve", config, port);
        Running trainer = Running.start("train", config, trainerPort)) {
      await().atMost(PATIENCE).until(() -> scorer.status("/health/ready") == 200);
      await().atMost(PATIENCE).until(() -> trainer.status("/health/ready") == 200);
      send("{\"id\":\"a\",\"x\":[1,2,3,4]}", "{\"id\":\"b\",\"x\":[2,3,4,5]}", "no record");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(scorer.body("/metrics"))
                      .contains("headwater_records_predicted_total 2.0")
                      .contains("headwater_records_dead_lettered_total 1.0")
                      .contains("headwater_records_received_total 3.0"));

      Map<String, Family> scorerFamilies = families(scorer.body("/metrics"));
      Map<String, Family> trainerFamilies = families(trainer.body("/metrics"));
      new GeneratedFile(Path.of("docs", "reference", "metrics.md"))
          .endsWith(reference(scorerFamilies, trainerFamilies));
      assertThat(section("", trainerFamilies, scorerFamilies::containsKey))
          .as("what both export has the same type, labels and description")
          .isEqualTo(section("", scorerFamilies, trainerFamilies::containsKey));
      assertConventions(scorerFamilies);
      assertConventions(trainerFamilies);
      assertThat(scorer.body("/metrics"))
          .as("binders of Kafka Streams and of the JVM")
          .contains("kafka_stream_", "kafka_consumer_fetch_manager_", "jvm_gc_", "process_cpu_");
      assertThat(scorer.body("/metrics").lines())
          .as("one of several clients, each of which has its own")
          .filteredOn(line -> line.startsWith("kafka_consumer_last_poll_seconds_ago{"))
          .hasSizeGreaterThan(1);
      assertThat(scorer.body("/health/ready"))
          .contains("\"parts\":{\"heads\":{\"up\":true", "\"head\":{\"up\":true", "\"streams\":{");
    }
  }

  @Test
  void everyLabelIsCountedOnceAndItsDelayIsTheTimeItTook() throws Exception {
    Files.writeString(
        config,
        """
        selection: {threshold: 1, audit-share: 0, budget: 1, near-duplicate-distance: 0}
        stream: {label-wait: 30s}
        """,
        StandardOpenOption.APPEND);
    assertThat(run("topics", "create")).isZero();
    try (Running scorer = Running.start("serve", config, port)) {
      await().atMost(PATIENCE).until(() -> scorer.status("/health/ready") == 200);
      send("{\"id\":\"a\",\"x\":[1,2,3,4]}", "{\"id\":\"b\",\"x\":[2,3,4,5]}");
      await().atMost(PATIENCE).until(() -> value(scorer, "records_predicted_total") == 2);
      String label = "{\"recordId\":\"%s\",\"task\":\"kind\",\"label\":\"label-1\"}";

      sendTo("desk-labels", label.formatted("a"), label.formatted("b"), label.formatted("z"), "?");

      await().atMost(PATIENCE).until(() -> value(scorer, "labels_unmatched_total") == 1);
      assertThat(value(scorer, "labels_received_total")).isEqualTo(4);
      assertThat(value(scorer, "labels_matched_total")).isEqualTo(2);
      assertThat(value(scorer, "labels_dead_lettered_total")).isEqualTo(1);
      assertThat(value(scorer, "label_delay_seconds_count")).isEqualTo(2);
      assertThat(value(scorer, "label_delay_seconds_sum")).isBetween(0.0, 2 * 30.0);
      assertThat(value(scorer, "inference_tokens_total")).as("one a record").isEqualTo(2);
      assertThat(value(scorer, "inference_padding_tokens_total")).isZero();
    }
  }

  private static double value(Running process, String metric) throws Exception {
    String name = "headwater_" + metric + " ";
    return process
        .body("/metrics")
        .lines()
        .filter(line -> line.startsWith(name))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length())))
        .sum();
  }

  /** A metric as exported: TYPE, HELP, and the values of each label. */
  private record Family(String type, String help, Map<String, Set<String>> labels) {
    String row(String name) {
      String labelled =
          labels.entrySet().stream()
              .filter(label -> !label.getKey().equals("le"))
              .map(
                  label ->
                      CLOSED.contains(label.getKey())
                          ? "`%s`: %s"
                              .formatted(label.getKey(), String.join(", ", label.getValue()))
                          : "`%s`".formatted(label.getKey()))
              .collect(joining("<br>"));
      return "| `%s` | %s | %s | %s |\n".formatted(name, type, labelled, help);
    }
  }

  private static String reference(Map<String, Family> scorer, Map<String, Family> trainer) {
    return section("Scorer and trainer", scorer, trainer::containsKey)
        + "\n"
        + section("Scorer", scorer, name -> !trainer.containsKey(name))
        + "\n"
        + section("Trainer", trainer, name -> !scorer.containsKey(name));
  }

  private static String section(
      String title, Map<String, Family> families, Predicate<String> listed) {
    return families.keySet().stream()
        .filter(
            name -> name.startsWith("headwater_") || name.equals("process_resident_memory_bytes"))
        .filter(name -> !isMaximum(name, families) && listed.test(name))
        .map(name -> families.get(name).row(name))
        .collect(
            joining(
                "",
                "## %s\n\n| Name | Type | Labels | Description |\n|---|---|---|---|\n"
                    .formatted(title),
                ""));
  }

  private static boolean isMaximum(String name, Map<String, Family> families) {
    return name.endsWith("_max")
        && families.containsKey(name.substring(0, name.length() - "_max".length()));
  }

  /** Checks the naming conventions of Prometheus, and that no label grows with the traffic. */
  private static void assertConventions(Map<String, Family> families) {
    assertThat(families)
        .allSatisfy(
            (name, family) -> {
              if (!name.endsWith("_info")) {
                assertThat(family.labels().keySet())
                    .as(name)
                    .noneMatch(label -> label.endsWith("version"));
              }
              if (!name.startsWith("headwater_")) {
                return;
              }
              assertThat(family.help()).as("HELP of %s", name).isNotBlank();
              assertThat(name.endsWith("_total"))
                  .as("%s: counters, and no other metric, end in _total", name)
                  .isEqualTo(family.type().equals("counter"));
              Set<String> labels = new TreeSet<>(family.labels().keySet());
              assertThat(labels.remove("le"))
                  .as("%s has buckets", name)
                  .isEqualTo(family.type().equals("histogram"));
              if (family.type().equals("histogram") && !name.equals(CONFIDENCE)) {
                Family maximum = families.get(name + "_max");
                assertThat(maximum).as("maximum of %s", name).isNotNull();
                assertThat(maximum.type()).as("type of %s_max", name).isEqualTo("gauge");
                assertThat(maximum.labels().keySet()).as("%s_max", name).isEqualTo(labels);
              }
              if (!name.endsWith("_info")) {
                assertThat(labels)
                    .as(name)
                    .allMatch(label -> CLOSED.contains(label) || OPEN.contains(label));
              }
            });
  }

  /** Parses the Prometheus text format. The series of a histogram count as one family. */
  private static Map<String, Family> families(String exported) {
    Map<String, String> types = comments(exported, "# TYPE ");
    Map<String, String> helps = comments(exported, "# HELP ");
    Map<String, Family> families = new TreeMap<>();
    types.forEach(
        (name, type) ->
            families.put(name, new Family(type, helps.getOrDefault(name, ""), new TreeMap<>())));
    exported
        .lines()
        .map(SAMPLE::matcher)
        .filter(Matcher::matches)
        .forEach(
            sample -> {
              String name = sample.group(1);
              Family family =
                  families.containsKey(name)
                      ? families.get(name)
                      : families.get(name.replaceFirst("_(bucket|count|sum)$", ""));
              assertThat(family).as("TYPE of %s", name).isNotNull();
              Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
              while (label.find()) {
                family
                    .labels()
                    .computeIfAbsent(label.group(1), key -> new TreeSet<>())
                    .add(label.group(2));
              }
            });
    return families;
  }

  private static Map<String, String> comments(String exported, String prefix) {
    return exported
        .lines()
        .filter(line -> line.startsWith(prefix))
        .map(line -> line.substring(prefix.length()).split(" ", 2))
        .collect(toMap(parts -> parts[0], parts -> parts.length > 1 ? parts[1] : ""));
  }

  private void send(String... records) {
    sendTo("desk-records", records);
  }

  private void sendTo(String topic, String... values) {
    try (Producer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      for (String value : values) {
        producer.send(new ProducerRecord<>(topic, value));
      }
      producer.flush();
    }
  }
}

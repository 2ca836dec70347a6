package dev.headwater.cli;

import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.FreePort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/**
 * What a scorer and a trainer that run export is what docs/reference/metrics.md lists, and nothing
 * else.
 */
class MetricsIT extends CommandedDeployment {
  private static final Pattern ROW =
      Pattern.compile("\\| `(\\w+)` \\| (\\w+) \\| ([\\w, ]*) ?\\| (\\w+) \\| .+ \\|");
  private static final Pattern SAMPLE = Pattern.compile("(\\w+)(?:\\{(.*)})? (\\S+)");
  private static final Pattern LABEL = Pattern.compile("(\\w+)=\"");

  /** One row of the list. */
  private record Listed(String name, String type, Set<String> labels, String of) {
    boolean of(String process) {
      return of.equals("both") || of.equals(process);
    }

    /** As TYPE and HELP name it. */
    String family() {
      return name;
    }
  }

  @Test
  void bothProcessesExportWhatIsListed() throws Exception {
    List<Listed> list = list();
    assertThat(list).hasSizeGreaterThan(40);
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

      agree(list, "scorer", scorer.body("/metrics"));
      agree(list, "trainer", trainer.body("/metrics"));
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

  private static void agree(List<Listed> list, String process, String exported) {
    Map<String, String> types = told(exported, "# TYPE ");
    Map<String, String> helps = told(exported, "# HELP ");
    Map<String, Set<String>> labels = labels(exported);
    for (Listed listed : list) {
      if (!listed.of(process)) {
        assertThat(types).as(process).doesNotContainKey(listed.family());
        continue;
      }
      assertThat(types).as(process).containsEntry(listed.family(), listed.type());
      assertThat(helps.get(listed.family())).as("HELP of %s", listed.name()).isNotBlank();
      assertThat(listed.name().endsWith("_total"))
          .as("%s: counters, and they alone, end in _total", listed.name())
          .isEqualTo(listed.type().equals("counter"));
      String series = listed.type().equals("histogram") ? listed.name() + "_count" : listed.name();
      assertThat(labels.get(series)).as("labels of %s", series).isEqualTo(listed.labels());
      if (listed.type().equals("histogram")) {
        assertThat(labels.get(listed.name() + "_bucket")).as(listed.name()).contains("le");
      }
    }
    assertThat(types.keySet())
        .filteredOn(name -> name.startsWith("headwater_"))
        .as("exported by the %s, not listed", process)
        .isSubsetOf(list.stream().map(Listed::family).collect(toSet()));
    assertThat(labels)
        .allSatisfy(
            (name, of) -> {
              if (!name.endsWith("_info")) {
                assertThat(of).as(name).noneMatch(label -> label.endsWith("version"));
              }
              if (name.startsWith("headwater_") && !name.endsWith("_info")) {
                assertThat(of)
                    .as(name)
                    .isSubsetOf(
                        "task", "reason", "cause", "verdict", "stage", "head", "topic", "probe",
                        "le");
              }
            });
  }

  private static Map<String, String> told(String exported, String line) {
    return exported
        .lines()
        .filter(text -> text.startsWith(line))
        .map(text -> text.substring(line.length()).split(" ", 2))
        .collect(toMap(parts -> parts[0], parts -> parts.length > 1 ? parts[1] : ""));
  }

  private static Map<String, Set<String>> labels(String exported) {
    Map<String, Set<String>> labels = new TreeMap<>();
    for (String line : exported.split("\n")) {
      Matcher sample = SAMPLE.matcher(line);
      if (sample.matches()) {
        Set<String> names = labels.computeIfAbsent(sample.group(1), name -> new TreeSet<>());
        Matcher label = LABEL.matcher(sample.group(2) == null ? "" : sample.group(2));
        while (label.find()) {
          names.add(label.group(1));
        }
      }
    }
    return labels;
  }

  private static List<Listed> list() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("docs", "reference", "metrics.md"))) {
      return lines
          .map(ROW::matcher)
          .filter(Matcher::matches)
          .map(
              row ->
                  new Listed(
                      row.group(1),
                      row.group(2),
                      Arrays.stream(row.group(3).split(", *"))
                          .map(String::strip)
                          .filter(label -> !label.isEmpty())
                          .collect(toSet()),
                      row.group(4)))
          .toList();
    }
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

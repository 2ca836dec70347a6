package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.config.Settings;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.stream.StreamService;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.tools.consumer.group.ConsumerGroupCommand;
import org.junit.jupiter.api.Test;

/** What docs/how-to/new-backbone.md says, from the first step to the way back. */
class NewBackboneIT extends CommandedDeployment {
  private static final int BATCH = 240;
  private static final int EXPIRED = 10;
  private static final int PARTITIONS = 2;

  /** More than two scoring threads are apart. */
  private static final Duration SHORTLY = Duration.ofSeconds(1);

  private final Random random = new Random(3);
  private Path old;
  private Path next;
  private boolean flipped;

  @Test
  void movesADeploymentToANewBackboneAndBack() throws Exception {
    Settings before = oldDeployment();
    try (StreamService serving = serve(before)) {
      send(0);
      await().atMost(PATIENCE).until(() -> predictions(before).size() == BATCH);
      flipped = right(before) > BATCH / 2; // what the old head says is wrong more often than not
      label(before, 0);
      await().atMost(PATIENCE).until(() -> labelled(before).size() == audited(BATCH));
      int gone = expire(before);

      next = newDeployment();
      config = next;
      Settings after = settings(next);
      assertThat(run("topics", "create")).as(err.toString()).isZero();
      assertThat(run("samples", "reembed", "--old", old.toString())).as(err.toString()).isZero();
      int known = labelled(before).size();
      assertThat(out.toString())
          .contains(
              "embedded %d of %d labelled records; %d no longer"
                  .formatted(known - gone, known, gone));
      assertReembedded(before, after, known - gone);
      learn(after, "kind");

      try (StreamService beside = serve(after)) {
        send(BATCH);
        label(before, BATCH);
        await()
            .atMost(PATIENCE)
            .until(
                () ->
                    predictions(before).size() == 2 * BATCH
                        && predictions(after).size() == 2 * BATCH - EXPIRED);
        await().atMost(PATIENCE).until(() -> labelled(before).size() == audited(2 * BATCH));
        await().atMost(PATIENCE).until(() -> labelled(after).keySet().containsAll(sure(before)));
        assertCompared();
        assertThatAConsumerMayCrossOver(before, after, SHORTLY);
        // what was worked off at a go is in order by partition of the records, and not by time
        assertThatAConsumerMayCrossOver(after, before, Duration.ofHours(1));
      }
    }
  }

  @Test
  void collectsAMemoryAnewWhereNothingIsReembedded() throws Exception {
    Settings before = oldDeployment();
    try (StreamService serving = serve(before)) {
      send(0);
      label(before, 0);
      await().atMost(PATIENCE).until(() -> labelled(before).size() == audited(BATCH));
    }
    int gone = expire(before);

    config = newDeployment();
    Settings after = settings(config);
    assertThat(run("topics", "create")).as(err.toString()).isZero();
    try (StreamService serving = serve(after)) {
      await().atMost(PATIENCE).until(() -> labelled(after).size() == audited(BATCH) - gone);
    }
    assertReembedded(before, after, audited(BATCH) - gone);
    learn(after, "kind");
  }

  private Settings oldDeployment() throws Exception {
    old = config;
    Files.writeString(
        old, Files.readString(old) + "selection: {audit-share: 0.5, threshold: 0, budget: 1}\n");
    assertThat(run("topics", "create")).as(err.toString()).isZero();
    return settings(old);
  }

  private Path newDeployment() throws Exception {
    Path bundle = Files.createDirectory(directory.resolve("bundle-2"));
    Files.write(bundle.resolve("model.onnx"), GraphFixture.mlp(4, 24, 2));
    Files.writeString(bundle.resolve("labels.json"), "[\"label-0\", \"label-1\"]");
    Files.writeString(
        bundle.resolve("headwater.yaml"),
        """
        name: larger
        task: kind
        model: model.onnx
        labels: labels.json
        input: {id: /id, label: /label, numbers: /x}
        """);
    return Files.writeString(
        directory.resolve("new.yaml"),
        """
        name: desk2
        state-dir: %s
        bundle: {directory: %s}
        kafka: {bootstrap.servers: "%s"}
        topics: {records: [desk-records], labels: desk-labels, partitions: 2, join-partitions: 2}
        selection: {audit-share: 0.5, threshold: 0, budget: 1}
        adapt: {device: cpu}
        """
            .formatted(directory.resolve("state-2"), bundle, broker.bootstrapServers()));
  }

  private void assertReembedded(Settings before, Settings after, int count) throws Exception {
    Map<String, Sample> now = labelled(after);
    Map<String, Sample> then = labelled(before);
    assertThat(now).hasSize(count);
    assertThat(now.values())
        .allSatisfy(
            sample -> {
              Sample old = then.get(sample.getRecordId());
              assertThat(sample.getDim()).isEqualTo(24);
              assertThat(old.getDim()).isEqualTo(16);
              assertThat(sample.getBackbone())
                  .isEqualTo(after.loadBundle().task().fingerprint())
                  .isNotEqualTo(old.getBackbone());
              assertThat(sample.getLabel()).isEqualTo(old.getLabel());
              assertThat(sample.getReason()).isEqualTo(old.getReason());
              assertThat(sample.getWeight()).isEqualTo(old.getWeight());
            });
  }

  private void assertCompared() {
    config = next;
    assertThat(run("compare", "--with", old.toString())).as(err.toString()).isZero();
    assertThat(out.toString()).contains("desk2 is significantly better than desk");
    assertThat(leftOut()).as("what the new head had learnt from before").isGreaterThan(BATCH / 3);
    config = old;
    assertThat(run("compare", "--with", next.toString())).as("told by the exit code").isEqualTo(3);
    assertThat(out.toString())
        .contains("desk is significantly worse than desk2: do not switch over");
  }

  private int leftOut() {
    return Integer.parseInt(out.toString().replaceAll("(?s).*\\((\\d+) left out\\).*", "$1"));
  }

  /**
   * A consumer leaves one topic in the middle of it, its group is set to a time shortly before on
   * the other with Kafka's own tool, and it skips there what it has handled.
   */
  private void assertThatAConsumerMayCrossOver(Settings from, Settings to, Duration shortly)
      throws Exception {
    String group = "billing-" + from.name();
    List<Source> handled = new ArrayList<>();
    Map<Integer, Long> left = new HashMap<>();
    consume(
        from,
        group,
        50,
        (record, source) -> {
          handled.add(source);
          left.put(record.partition(), record.timestamp());
        },
        () -> handled.size() >= BATCH);
    assertThat(handled.size()).as("it leaves in the middle").isLessThan(sources(from).size());

    long shortlyBefore =
        left.size() < PARTITIONS ? 0 : Collections.min(left.values()) - shortly.toMillis();
    ConsumerGroupCommand.main(
        words(
            "--bootstrap-server %s --group %s --topic %s --reset-offsets --to-datetime %s --execute",
            broker.bootstrapServers(),
            group,
            to.topicNames().predictions(),
            LocalDateTime.ofInstant(Instant.ofEpochMilli(shortlyBefore), ZoneOffset.UTC)
                .format(DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSS"))));
    Set<Source> wanted = new HashSet<>(sources(from));
    wanted.addAll(sources(to));
    wanted.removeIf(source -> source.partition() == 0 && source.offset() < EXPIRED);
    Set<Source> seen = new HashSet<>(handled);
    AtomicInteger again = new AtomicInteger();
    consume(
        to,
        group,
        500,
        (record, source) -> {
          if (seen.add(source)) {
            handled.add(source);
          } else {
            again.incrementAndGet();
          }
        },
        () -> seen.containsAll(wanted));
    assertThat(handled).as("each record once").doesNotHaveDuplicates();
    assertThat(again.get()).as("read again, and skipped").isPositive();
  }

  /** Reads predictions where the group stands, till it has enough, and says how far it got. */
  private void consume(
      Settings of,
      String group,
      int atOnce,
      BiConsumer<ConsumerRecord<byte[], byte[]>, Source> handler,
      Callable<Boolean> enough) {
    Map<String, Object> properties = new HashMap<>(kafka());
    properties.put("group.id", group);
    properties.put("auto.offset.reset", "earliest");
    properties.put("max.poll.records", atOnce);
    try (Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of(of.topicNames().predictions()));
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                for (ConsumerRecord<byte[], byte[]> record :
                    consumer.poll(Duration.ofMillis(100))) {
                  handler.accept(record, prediction(of, record).source());
                }
                return enough.call();
              });
      consumer.commitSync();
    }
  }

  private static Prediction prediction(Settings settings, ConsumerRecord<byte[], byte[]> record) {
    return settings
        .topics()
        .predictions()
        .value()
        .deserializer()
        .deserialize(record.topic(), record.value());
  }

  private static String[] words(String command, Object... values) {
    return command.formatted(values).split(" ");
  }

  private static List<Source> sources(Settings settings) {
    return predictions(settings).stream().map(Prediction::source).toList();
  }

  private Set<String> sure(Settings before) {
    return labelled(before).keySet().stream()
        .filter(id -> Integer.parseInt(id.substring(1)) >= BATCH)
        .collect(Collectors.toSet());
  }

  private static StreamService serve(Settings settings) throws Exception {
    StreamService service =
        ServeCommand.service(settings, settings.loadBundle(), ScorerMetrics.NOOP);
    service.start();
    return service;
  }

  private void send(int from) {
    try (Producer<byte[], byte[]> producer = producer()) {
      for (int i = from; i < from + BATCH; i++) {
        double centre = side(i) == 0 ? -2 : 2;
        String value =
            "{\"id\":\"r%d\",\"x\":[%f,%f,%f,%f]}"
                .formatted(
                    i,
                    centre + random.nextGaussian(),
                    centre + random.nextGaussian(),
                    random.nextGaussian(),
                    random.nextGaussian());
        producer.send(new ProducerRecord<>("desk-records", i % 2, null, value.getBytes(UTF_8)));
      }
    }
  }

  private void label(Settings settings, int from) throws Exception {
    try (Producer<byte[], byte[]> producer = producer()) {
      for (int i = from; i < from + BATCH; i++) {
        Label label = new Label("r" + i, "kind", truth(i));
        producer.send(
            new ProducerRecord<>(
                settings.topicNames().labels(), Json.MAPPER.writeValueAsBytes(label)));
      }
    }
  }

  /** How many of the first records the audit draws: whatever the backbone, the same. */
  private static int audited(int records) {
    return (int) IntStream.range(0, records).filter(i -> Selection.selects("r" + i, .5)).count();
  }

  private static int side(int i) {
    return i / 2 % 2;
  }

  private String truth(int i) {
    return "label-" + (flipped ? 1 - side(i) : side(i));
  }

  private long right(Settings settings) {
    return predictions(settings).stream()
        .filter(p -> truth(Integer.parseInt(p.recordId().substring(1))).equals(p.leading().label()))
        .count();
  }

  private Producer<byte[], byte[]> producer() {
    return new KafkaProducer<>(
        Map.of("bootstrap.servers", broker.bootstrapServers()),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }

  /** Takes the first records of a partition off the topic, as retention would. */
  private int expire(Settings settings) throws Exception {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      admin
          .deleteRecords(
              Map.of(new TopicPartition("desk-records", 0), RecordsToDelete.beforeOffset(EXPIRED)))
          .all()
          .get();
    }
    Set<String> expired = new HashSet<>();
    for (int i = 0; i < EXPIRED; i++) {
      expired.add("r" + 2 * i);
    }
    expired.retainAll(labelled(settings).keySet());
    assertThat(expired).as("labelled records that are gone").isNotEmpty();
    return expired.size();
  }

  private static List<Prediction> predictions(Settings settings) {
    return read(settings, settings.topics().predictions());
  }
}

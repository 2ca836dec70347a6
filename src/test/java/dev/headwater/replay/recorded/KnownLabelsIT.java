package dev.headwater.replay.recorded;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KnownLabelsIT {
  private static final TopicNames NAMES = TopicNames.prefixed("desk");
  private static final Topics TOPICS = Topics.of(NAMES);

  @TempDir Path directory;
  private EmbeddedBroker broker;
  private Producer<byte[], byte[]> producer;
  private Map<String, Object> kafka;
  private Bundle bundle;

  @BeforeEach
  void start() throws Exception {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    bundle = Bundles.tabular(Files.createDirectory(directory.resolve("bundle")), 4, 2);
    kafka = Map.of("bootstrap.servers", broker.bootstrapServers());
    new TopicSetup(
            kafka,
            NAMES,
            new TopicSettings(2, 2, (short) 1, Duration.ofDays(1), Duration.ofDays(1)))
        .create();
    producer = new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer());
  }

  @AfterEach
  void stop() {
    producer.close();
    broker.close();
  }

  @Test
  void theNewestLabelOfARecordCountsAndWhyItWasKeptStays() throws Exception {
    sample("r1", "a", Reason.AUDIT, 20);
    sample("r1", "b", Reason.UNSURE, 1);
    sample("r2", null, Reason.UNLABELLED, 10);
    label("r1", "c");
    label("r3", "d");
    write(TOPICS.labels(), null, "no label".getBytes(UTF_8));
    for (String refused :
        List.of(
            "{\"recordId\": \"r4\", \"label\": \"a\"}",
            "{\"recordId\": \"r5\", \"task\": \"kind\"}",
            "{\"task\": \"kind\", \"label\": \"a\"}",
            "{\"recordId\": \"r1\", \"task\": \"kind\", \"label\": \" \"}",
            "{\"recordId\": \"r1\", \"task\": \"kind\", \"label\": [\"a\"]}")) {
      write(TOPICS.labels(), null, refused.getBytes(UTF_8));
    }

    KnownLabels asked = KnownLabels.ofSamples(deployment(), bundle.tasks());
    KnownLabels all = KnownLabels.ofSamplesAndLabels(deployment(), bundle.tasks());

    assertThat(asked.records()).containsExactly("r1");
    assertThat(asked.label("r1", "kind")).contains("b");
    assertThat(all.records()).containsExactlyInAnyOrder("r1", "r3");
    assertThat(all.label("r1", "kind")).contains("c");
    assertThat(all.label("r1", "another task")).isEmpty();
    KnownLabels.Known known = asked.of("r1").get("kind");
    assertThat(known.reason()).as("as it was first kept").isEqualTo(Reason.AUDIT);
    assertThat(known.weight()).isEqualTo(20);
    assertThat(known.since()).as("of the first sample").isLessThanOrEqualTo(known.at());
    assertThat(all.of("r3").get("kind").reason()).as("nobody had asked").isNull();
  }

  @Test
  void labelsHaveTheNamesTheyHaveNowAndWhatIsGoneIsGone() throws Exception {
    sample("renamed", "old", Reason.UNSURE, 1);
    sample("retired", "tired", Reason.UNSURE, 1);
    sample("erased", "a", Reason.UNSURE, 1);
    write(TOPICS.samples(), "erased", null);
    label("erased later", "a");
    write(TOPICS.labels(), "erased later", null);
    for (int partition :
        List.of(0, 1)) { // labels may have any key, and partitions come in any order
      byte[] label = Json.MAPPER.writeValueAsBytes(new Label("elsewhere" + partition, "kind", "a"));
      write(TOPICS.labels(), partition, null, label);
      write(TOPICS.labels(), 1 - partition, "elsewhere" + partition, null);
    }
    LabelAliases aliases = LabelAliases.none("kind").renamed("old", "new").retired("tired");
    write(TOPICS.heads(), "labels/kind", Json.MAPPER.writeValueAsBytes(aliases));

    KnownLabels known = KnownLabels.ofSamplesAndLabels(deployment(), bundle.tasks());

    assertThat(known.records()).isEqualTo(Set.of("renamed"));
    assertThat(known.label("renamed", "kind")).isEqualTo(Optional.of("new"));
  }

  @Test
  void aLabelThatOneTaskRefusesIsEmbeddedForTheOther() throws Exception {
    Path directory = Files.createDirectory(this.directory.resolve("two"));
    Bundles.twoTasks(directory, 4, 2);
    String manifest = Files.readString(directory.resolve("headwater.yaml"));
    Bundle two =
        Bundles.load(directory, manifest.replace("{name: kind, ", "{name: kind, open: false, "));
    sample("r1", "kind", "of another bundle", Reason.AUDIT, 20);
    sample("r1", "size", "big", Reason.AUDIT, 20);
    sample("r2", "kind", "of another bundle", Reason.AUDIT, 20);
    for (String id : List.of("r1", "r2")) {
      byte[] record = "{\"id\": \"%s\", \"x\": [1, 2, 3, 4]}".formatted(id).getBytes(UTF_8);
      write(TOPICS.records().get(0), id, record);
    }
    List<String> told = new ArrayList<>();

    Reembedding.Summary summary;
    try (Scoring scoring =
        Scoring.load(two, new ScoringSettings(1, 1, 16, false), ScorerMetrics.NOOP)) {
      summary =
          new Reembedding("next", two, scoring, TOPICS, kafka, told::add)
              .run(
                  KnownLabels.ofSamples(deployment(), two.tasks()),
                  Bound.BEGINNING,
                  Bound.NOW,
                  new CountDownLatch(1));
    }

    assertThat(summary).isEqualTo(new Reembedding.Summary(1, 0, 1, 0));
    assertThat(told)
        .anySatisfy(
            line -> assertThat(line).startsWith("record r1 embedded without its invalid label"));
    KnownLabels now = KnownLabels.ofSamples(deployment(), two.tasks());
    assertThat(now.of("r1").get("size").at())
        .as("written anew, with its label's own time")
        .isGreaterThan(now.of("r1").get("size").since());
    assertThat(now.of("r1").get("kind").at()).isEqualTo(now.of("r1").get("kind").since());
  }

  @Test
  void whatWasSaidUnderAnOldNameIsRightUnderTheNew() throws Exception {
    sample("r1", "old", Reason.AUDIT, 20);
    TaskPrediction said = new TaskPrediction("kind", "old", .9, List.of(), 0, null);
    Prediction prediction = Prediction.of("r1", new Source("desk-records", 0, 0), List.of(said));
    write(TOPICS.predictions(), "r1", Json.MAPPER.writeValueAsBytes(prediction));
    LabelAliases aliases = LabelAliases.none("kind").renamed("old", "new");
    write(TOPICS.heads(), "labels/kind", Json.MAPPER.writeValueAsBytes(aliases));

    Comparison compared =
        Comparison.read(bundle.tasks(), deployment(), TOPICS.predictions().name(), deployment());

    assertThat(compared.results())
        .singleElement()
        .satisfies(result -> assertThat(result.records()).isEqualTo(1))
        .satisfies(result -> assertThat(result.accuracy()).isEqualTo(1))
        .satisfies(result -> assertThat(result.accuracyBefore()).isEqualTo(1));
  }

  @Test
  void aPartitionKeepsItsOrderWhereItsClockWentBack() throws Exception {
    String topic = TOPICS.records().get(0).name();
    long now = System.currentTimeMillis();
    long[][] sent = {{0, 100}, {0, 50}, {1, 70}, {0, 110}}; // partition, time
    for (int i = 0; i < sent.length; i++) {
      byte[] value = "{\"id\": \"r%d\"}".formatted(i).getBytes(UTF_8);
      producer
          .send(new ProducerRecord<>(topic, (int) sent[i][0], now - 1000 + sent[i][1], null, value))
          .get();
    }

    RecordedStream stream =
        RecordedStream.read(
            deployment(), bundle, Bound.BEGINNING, Bound.NOW, directory.resolve("values"));

    assertThat(IntStream.range(0, stream.size()).mapToObj(stream::recordId))
        .containsExactly("r2", "r0", "r1", "r3");
  }

  private Deployment deployment() {
    return new Deployment("desk", kafka, TOPICS, Signatures.NONE);
  }

  private void sample(String id, @Nullable String label, Reason reason, double weight)
      throws Exception {
    sample(id, "kind", label, reason, weight);
  }

  private void sample(String id, String task, @Nullable String label, Reason reason, double weight)
      throws Exception {
    Sample sample =
        Sample.newBuilder()
            .setRecordId(id)
            .setTask(task)
            .setBackbone("b")
            .setRows(1)
            .setDim(1)
            .setFeatures(SampleSerde.pack(new float[] {1}))
            .setReason(reason)
            .setWeight(weight)
            .setConfidence(0)
            .setHeadVersion(1)
            .setRecordTime(Instant.EPOCH)
            .setLabel(label)
            .build();
    write(TOPICS.samples(), id, new SampleSerde().serializer().serialize("", sample));
  }

  private void label(String id, String label) throws Exception {
    write(TOPICS.labels(), id, Json.MAPPER.writeValueAsBytes(new Label(id, "kind", label)));
  }

  private void write(Topic<?, ?> topic, @Nullable String key, byte @Nullable [] value)
      throws Exception {
    write(topic, null, key, value);
  }

  private void write(
      Topic<?, ?> topic, @Nullable Integer partition, @Nullable String key, byte @Nullable [] value)
      throws Exception {
    byte[] bytes = key == null ? null : key.getBytes(UTF_8);
    producer.send(new ProducerRecord<>(topic.name(), partition, bytes, value)).get();
  }
}

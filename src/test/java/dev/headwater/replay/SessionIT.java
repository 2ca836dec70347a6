package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.replay.report.Style;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.replay.traffic.RunTopics;
import dev.headwater.replay.traffic.Truth;
import dev.headwater.schema.Json;
import dev.headwater.schema.TopicSettings;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The replay's own parts around a planted pipeline, on a real broker. */
class SessionIT {
  @TempDir static Path brokerDirectory;
  private static EmbeddedBroker broker;

  @TempDir Path directory;
  private RunTopics topics;
  private final CountDownLatch cancelled = new CountDownLatch(1);

  @BeforeAll
  static void startBroker() {
    broker = EmbeddedBroker.start(brokerDirectory.resolve("broker"));
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @BeforeEach
  void createTopics() throws Exception {
    topics =
        new RunTopics(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new TopicSettings(2, 2, (short) 1, Duration.ofHours(1), Duration.ofHours(1)));
    topics.create();
  }

  @Test
  void accountsForEveryRecordAndItsReportCanBeRecountedFromTheDump() throws Exception {
    // given 400 records, two of them invalid, every fifth of which asks for its label twice
    LabelledStream stream = stream(400, Set.of(7, 399));
    PlantedPipeline pipeline = new PlantedPipeline(topics, Set.of());

    // when
    ReplayReport report =
        session(stream, Duration.ZERO, Duration.ofMinutes(1)).run(pipeline).report(Map.of());

    // then
    assertThat(pipeline.closed).isTrue();
    assertThat(report.records()).isEqualTo(400);
    assertThat(report.predictions()).isEqualTo(398);
    assertThat(report.deadLetters()).isEqualTo(2);
    assertThat(report.duplicates()).isEqualTo(0);
    int labelled = report.samples().unsure() + report.samples().audit();
    assertThat(report.labelsUsedFraction())
        .as("every label delivered has its sample")
        .isEqualTo(labelled / 400.);
    assertThat(labelled)
        .as("a label a record that asked, however often; the last may have asked too late")
        .isBetween(70, 80);
    assertThat(report.versions())
        .extracting(ReplayReport.Version::verdict)
        .containsOnly("accepted");
    recount(report, stream);
  }

  @Test
  void sendsNoTruthWithARecord() throws Exception {
    LabelledStream stream = stream(50, Set.of());
    PlantedPipeline pipeline = new PlantedPipeline(topics, Set.of());

    session(stream, Duration.ZERO, Duration.ofMinutes(1)).run(pipeline);

    assertThat(pipeline.received())
        .hasSize(50)
        .allSatisfy(value -> assertThat(value).doesNotContain("low", "high", "secret"));
  }

  @Test
  void deliversNoLabelBeforeItsDelayIsOver() throws Exception {
    LabelledStream stream = stream(100, Set.of());

    ReplayReport report =
        session(stream, Duration.ofHours(1), Duration.ofMinutes(1))
            .run(new PlantedPipeline(topics, Set.of()))
            .report(Map.of());

    assertThat(report.labelsUsedFraction()).as("asked, but not due").isEqualTo(0);
    assertThat(report.samples()).isEqualTo(new ReplayReport.Samples(0, 0));
    assertThat(report.predictions()).isEqualTo(100);
  }

  @Test
  void saysWhichRecordIsMissingWhenNothingMovesAnyMore() throws Exception {
    LabelledStream stream = stream(100, Set.of());
    PlantedPipeline pipeline = new PlantedPipeline(topics, Set.of("r41", "r97"));

    assertThatThrownBy(() -> session(stream, Duration.ZERO, Duration.ofSeconds(2)).run(pipeline))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("2 of 100 records have no outcome, 100 were sent")
        .hasMessageContaining("index 41 (from 0), id r41")
        .hasMessageContaining("partition=1, offset=20");
    assertThat(pipeline.closed).as("closed all the same").isTrue();
  }

  @Test
  void aStreamThatIsShorterWhenItIsSentIsAFailure() throws Exception {
    LabelledStream stream = stream(100, Set.of());
    stream(40, Set.of());

    assertThatThrownBy(
            () ->
                session(stream, Duration.ZERO, Duration.ofMinutes(10))
                    .run(new PlantedPipeline(topics, Set.of())))
        .hasMessageContaining("the stream shrank during the replay, from 100 to 40 records");
  }

  @Test
  void namesTheLineThatIsTooLargeToSend() throws Exception {
    LabelledStream stream = stream(3, Set.of());
    Path file = directory.resolve("stream.jsonl");
    String large = "\n{\"y\":\"%s\",".formatted("y".repeat(1 << 20));
    Files.writeString(file, Files.readString(file).replaceFirst("\n\\{", large));

    assertThatThrownBy(
            () ->
                session(stream, Duration.ZERO, Duration.ofMinutes(10))
                    .run(new PlantedPipeline(topics, Set.of())))
        .hasMessageContaining("line 2: cannot send record r1: ");
  }

  @Test
  void endsAndClosesEverythingWhenCancelled() throws Exception {
    LabelledStream stream = stream(100, Set.of());
    PlantedPipeline pipeline = new PlantedPipeline(topics, Set.of("r3"));
    AtomicReference<Throwable> end = new AtomicReference<>();
    Session session = session(stream, Duration.ZERO, Duration.ofMinutes(10));
    Thread run =
        new Thread(
            () -> {
              try {
                session.run(pipeline);
              } catch (Exception e) {
                end.set(e);
              }
            });
    run.start();
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> pipeline.received().size() == 100 || end.get() != null);

    cancelled.countDown();
    run.join(Duration.ofSeconds(30).toMillis());

    assertThat(run.isAlive()).isFalse();
    assertThat(end.get()).isInstanceOf(InterruptedException.class);
    assertThat(pipeline.closed).isTrue();
    assertThat(Thread.getAllStackTraces().keySet())
        .extracting(Thread::getName)
        .as("no worker is left")
        .noneMatch(name -> name.startsWith("replay-"));
  }

  @Test
  void leavesNoTopicBehindOnABrokerThatIsNotItsOwn() throws Exception {
    topics.delete();

    try (Admin admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()))) {
      await()
          .untilAsserted(
              () ->
                  assertThat(admin.listTopics().names().get())
                      .noneMatch(name -> name.startsWith(topics.prefix())));
    }
  }

  private void recount(ReplayReport report, LabelledStream stream) throws IOException {
    List<JsonNode> predictions = dumped("predictions.jsonl");
    List<JsonNode> samples = dumped("samples.jsonl");
    Map<String, Integer> index =
        IntStream.range(0, stream.size())
            .boxed()
            .collect(Collectors.toMap(stream::recordId, i -> i));
    assertThat(predictions).hasSize(report.predictions());
    assertThat(predictions.stream().map(p -> p.path("recordId").asText()).distinct())
        .hasSize(report.predictions() - report.duplicates());
    assertThat(dumped("dead-letters.jsonl")).hasSize(report.deadLetters());

    int[] right = new int[10];
    int[] frozenRight = new int[10];
    int[] judged = new int[10];
    for (JsonNode p : predictions) {
      int i = index.get(p.path("recordId").asText());
      int segment = i * 10 / stream.size();
      judged[segment]++;
      right[segment] += p.path("label").asText().equals(stream.truth("task", i)) ? 1 : 0;
      frozenRight[segment] +=
          p.at("/frozen/label").asText().equals(stream.truth("task", i)) ? 1 : 0;
    }
    for (int s = 0; s < 10; s++) {
      assertThat(report.accuracy().adaptive().segments().get(s))
          .as("adaptive, segment %d", s)
          .isEqualTo((double) right[s] / judged[s]);
      assertThat(report.accuracy().frozen().segments().get(s))
          .as("frozen, segment %d", s)
          .isEqualTo((double) frozenRight[s] / judged[s]);
    }
    assertThat(report.accuracy().adaptive().overall())
        .as("the planted head learned")
        .isEqualTo((double) IntStream.of(right).sum() / report.predictions())
        .isGreaterThan(report.accuracy().frozen().overall());

    assertThat(samples.stream().filter(s -> s.path("reason").asText().equals("UNSURE")))
        .hasSize(report.samples().unsure());
    assertThat(samples.stream().filter(s -> s.path("reason").asText().equals("AUDIT")))
        .hasSize(report.samples().audit());
    assertThat(samples)
        .allSatisfy(
            s -> {
              assertThat(s.path("label").asText())
                  .isEqualTo(stream.truth("task", index.get(s.path("recordId").asText())));
              assertThat(s.path("features").toString()).isEqualTo("[1.0,-0.5]");
            });
    int firstUnderHead1 =
        predictions.stream()
            .filter(p -> p.path("headVersion").asLong() == 1)
            .mapToInt(p -> index.get(p.path("recordId").asText()))
            .min()
            .orElseThrow();
    assertThat(report.versions().get(0).atRecord()).isEqualTo(firstUnderHead1);
  }

  private List<JsonNode> dumped(String name) throws IOException {
    try (Stream<String> lines = Files.lines(directory.resolve("dump").resolve(name))) {
      List<JsonNode> nodes = new java.util.ArrayList<>();
      for (String line : lines.toList()) {
        nodes.add(Json.MAPPER.readTree(line));
      }
      return nodes;
    }
  }

  private LabelledStream stream(int size, Set<Integer> invalid) throws IOException {
    String lines =
        IntStream.range(0, size)
            .mapToObj(
                i ->
                    invalid.contains(i)
                        ? "{\"id\":\"r" + i + "\",\"label\":\"low\"}"
                        : "{\"id\":\"r%d\",\"x\":%d,\"label\":\"%s\",\"note\":\"secret\"}"
                            .formatted(i, i % 100, i % 100 < 50 ? "low" : "high"))
            .collect(Collectors.joining("\n"));
    Path file = Files.writeString(directory.resolve("stream.jsonl"), lines);
    return LabelledStream.open(file, List.of("note"), Map.of("task", Truth.of("label")));
  }

  private Session session(LabelledStream stream, Duration labelDelay, Duration stallTimeout) {
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(directory.resolve("stream.jsonl")),
            List.of("label", "note"),
            Map.of(),
            Optional.empty(),
            400,
            labelDelay,
            true,
            Optional.of(broker.bootstrapServers()),
            Optional.empty(),
            Optional.of(directory.resolve("dump")),
            stallTimeout);
    Display silent =
        new Display(new PrintStream(OutputStream.nullOutputStream()), new Style(false, false, 80));
    return new Session(settings, stream, topics, silent, cancelled);
  }
}

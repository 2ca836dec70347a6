package dev.headwater.stream;

import static dev.headwater.stream.Deployment.PATIENCE;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.InMemoryScorerMetrics.Counts;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Prediction;
import dev.headwater.stream.selection.Selection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bad input, each with its cause, its field, and its neighbours predicted. */
class BadInputIT {
  private static final Selection ALL_UNSURE = new Selection(0, 1);
  private static final String TABLE = "{\"id\": \"%s\", \"x\": [1, 2, 3, 4]}";
  private static final String TEXT = "{\"id\": \"%s\", \"text\": \"my card was lost\"}";

  private static final String PICTURE = "{\"id\": \"%s\", \"image\": \"" + Bundles.PIXELS + "\"}";
  private static final String FOUR_ZEROS = "\0".repeat(4 * Float.BYTES);

  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static Deployment table;
  private static Deployment text;
  private static Deployment picture;
  private static Deployment file;
  private static Deployment tensor;
  private static StreamService tableService;
  private static StreamService textService;
  private static StreamService pictureService;
  private static StreamService fileService;
  private static StreamService tensorService;

  private final String id = UUID.randomUUID().toString();
  private final Map<Deployment, Counts> before = new HashMap<>();

  @BeforeAll
  static void start() throws Exception {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    table = new Deployment(broker.bootstrapServers(), "table", 1);
    text = new Deployment(broker.bootstrapServers(), "text", 1);
    Bundle closed =
        Bundles.tabular(Files.createDirectory(directory.resolve("a")), 4, 3, "open: false");
    Bundle words = Bundles.text(Files.createDirectory(directory.resolve("b")), 4, 3);
    tableService =
        table.service(
            Deployment.settings(
                "table",
                directory.resolve("table"),
                ALL_UNSURE,
                StreamSettings.Guarantee.EXACTLY_ONCE_V2,
                StreamSettings.Protocol.CLASSIC,
                Duration.ofSeconds(5)),
            closed);
    textService =
        text.service(Deployment.settings("text", directory.resolve("text"), ALL_UNSURE), words);
    picture = new Deployment(broker.bootstrapServers(), "picture", 1);
    Bundle pictures = Bundles.pictures(Files.createDirectory(directory.resolve("c")), 2, 3);
    pictureService =
        picture.service(
            Deployment.settings("picture", directory.resolve("picture"), ALL_UNSURE), pictures);
    file = new Deployment(broker.bootstrapServers(), "file", 1);
    Bundle files =
        Bundles.pictures(Files.createDirectory(directory.resolve("e")), 2, 3, "{format: image}");
    fileService =
        file.service(Deployment.settings("file", directory.resolve("file"), ALL_UNSURE), files);
    tensor = new Deployment(broker.bootstrapServers(), "tensor", 1);
    Bundle tensors = Bundles.tensors(Files.createDirectory(directory.resolve("d")), 4, 3);
    tensorService =
        tensor.service(
            Deployment.settings("tensor", directory.resolve("tensor"), ALL_UNSURE), tensors);
    tableService.start();
    textService.start();
    pictureService.start();
    fileService.start();
    tensorService.start();
  }

  @AfterAll
  static void stop() {
    tableService.close();
    textService.close();
    pictureService.close();
    fileService.close();
    tensorService.close();
    table.close();
    text.close();
    picture.close();
    file.close();
    tensor.close();
    broker.close();
  }

  @BeforeEach
  void count() {
    List.of(table, text, picture, file, tensor).forEach(on -> before.put(on, on.metrics.counts()));
  }

  @Test
  void emptyValue() {
    refusesAmongNeighbours(table, TABLE, new byte[0], "value", "empty");
  }

  @Test
  void tombstone() {
    refusesAmongNeighbours(table, TABLE, null, "value", "tombstone");
  }

  @Test
  void invalidUtf8() {
    byte[] latin1 = "{\"text\": \"caf\u00e9\"}".getBytes(ISO_8859_1);
    refusesAmongNeighbours(text, TEXT, latin1, "value", "UTF-8");
  }

  @Test
  void invalidJson() {
    refusesAmongNeighbours(table, TABLE, "{\"x\": [1, 2".getBytes(UTF_8), "value", "JSON");
  }

  @Test
  void missingField() {
    byte[] noNumbers = "{\"id\": \"no-x\"}".getBytes(UTF_8);
    ConsumerRecord<byte[], byte[]> dead =
        refusesAmongNeighbours(table, TABLE, noNumbers, "/x", "missing");
    assertThat(Deployment.header(dead, "headwater-record-id"))
        .as("the header the record came with beats the field")
        .isEqualTo("bad-" + id);
  }

  @Test
  void nan() {
    byte[] nan = "{\"id\": \"n\", \"x\": [1, NaN, 3, 4]}".getBytes(UTF_8);
    refusesAmongNeighbours(table, TABLE, nan, "/x/1", "NaN");
  }

  @Test
  void wrongWidth() {
    byte[] narrow = "{\"id\": \"n\", \"x\": [1, 2, 3]}".getBytes(UTF_8);
    refusesAmongNeighbours(table, TABLE, narrow, "/x", "3 numbers");
  }

  @Test
  void oneMegabyteText() {
    String long1 = "{\"id\": \"n\", \"text\": \"" + "lost ".repeat(200_000) + "\"}";
    assertThat(long1.length()).isGreaterThan(1_000_000);
    ConsumerRecord<byte[], byte[]> dead =
        refusesAmongNeighbours(text, TEXT, long1.getBytes(UTF_8), "/text", "characters");
    assertThat(dead.value()).as("original bytes, all of them").hasSize(long1.length());
  }

  @Test
  void textTheNetworkFailsOn() {
    byte[] poison = "{\"id\": \"n\", \"text\": \"my poison card\"}".getBytes(UTF_8);
    refusesAmongNeighbours(text, TEXT, poison, "value", "the model failed on this input");
  }

  @Test
  void corruptImage() {
    String half = Bundles.PIXELS.substring(0, Bundles.PIXELS.length() / 8 * 4);
    byte[] corrupt = ("{\"id\": \"n\", \"image\": \"" + half + "\"}").getBytes(UTF_8);
    refusesAmongNeighbours(picture, PICTURE, corrupt, "/image", "damaged image");
  }

  @Test
  void truncatedImageFile() {
    byte[] whole = Base64.getDecoder().decode(Bundles.PIXELS);
    byte[] half = Arrays.copyOf(whole, whole.length / 2);
    refusesAmongNeighbours(file, recordId -> whole, half, "value", "damaged image");
  }

  @Test
  void tensorOfAnotherLength() {
    byte[] narrow = new byte[3 * Float.BYTES];
    refusesAmongNeighbours(tensor, FOUR_ZEROS, narrow, "value", "12 bytes, expected 16");
  }

  @Test
  void tensorWithNan() {
    byte[] nan = new byte[4 * Float.BYTES];
    ByteBuffer.wrap(nan).order(ByteOrder.LITTLE_ENDIAN).putFloat(2 * Float.BYTES, Float.NaN);
    refusesAmongNeighbours(tensor, FOUR_ZEROS, nan, "value", "NaN at index 2");
  }

  @Test
  void inlineLabelUnknownToAClosedLabelSet() {
    byte[] labelled = "{\"id\": \"n\", \"x\": [1, 2, 3, 4], \"label\": \"new\"}".getBytes(UTF_8);
    refusesAmongNeighbours(table, TABLE, labelled, "/label", "closed label set of task kind");
  }

  @Test
  void labelUnknownToAClosedLabelSet() {
    sendAmongNeighbours(table, TABLE);
    table.label("before-" + id, "kind", "label-1");
    table.label(id, "kind", "new");
    table.label("after-" + id, "kind", "label-2");

    ConsumerRecord<byte[], byte[]> dead = deadLetter(table, id);

    assertThat(Deployment.header(dead, "headwater-field")).isEqualTo("/label");
    assertThat(Deployment.header(dead, "__streams.errors.message")).contains("closed label set");
    assertThat(Deployment.header(dead, "__streams.errors.topic")).isEqualTo("table-labels");
    awaitSamples(table, "before-" + id, "label-1");
    awaitSamples(table, "after-" + id, "label-2");
    awaitPredictions(table);
    assertThat(table.metrics.counts())
        .isEqualTo(plus(before.get(table), new Counts(3, 3, 0, 3, 3, 2, 0, 1, 3, 0, 0)));
  }

  @Test
  void labelForAnUnknownRecord() {
    sendAmongNeighbours(table, TABLE);
    table.label("before-" + id, "kind", "label-1");
    table.label("unknown-" + id, "kind", "label-1");
    table.label("after-" + id, "kind", "label-2");

    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(table.metrics.counts())
                    .isEqualTo(
                        plus(before.get(table), new Counts(3, 3, 0, 3, 3, 2, 1, 0, 3, 0, 0))));
    assertThat(samples(table, "unknown-" + id)).isEmpty();
    awaitSamples(table, "before-" + id, "label-1");
    awaitSamples(table, "after-" + id, "label-2");
    awaitPredictions(table);
  }

  @Test
  void twoLabelsForOneRecord() {
    sendAmongNeighbours(text, TEXT);
    text.label(id, "intent", "label-1");
    awaitSamples(text, id, "label-1");
    text.label(id, "intent", "label-2");

    awaitSamples(text, id, "label-1", "label-2");
    awaitPredictions(text);
    assertThat(text.metrics.counts())
        .isEqualTo(plus(before.get(text), new Counts(3, 3, 0, 3, 2, 2, 0, 0, 3, 0, 0)));
  }

  @Test
  void labelBeforeRecord() {
    text.label(id, "intent", "label-1");
    await()
        .atMost(PATIENCE)
        .until(
            () -> text.metrics.counts().labelsReceived() == before.get(text).labelsReceived() + 1);
    sendAmongNeighbours(text, TEXT);

    awaitSamples(text, id, "label-1");
    awaitPredictions(text);
    assertThat(text.metrics.counts())
        .isEqualTo(plus(before.get(text), new Counts(3, 3, 0, 3, 1, 1, 0, 0, 3, 0, 0)));
  }

  private void sendAmongNeighbours(Deployment on, String good) {
    for (String recordId : List.of("before-" + id, id, "after-" + id)) {
      send(on, recordId, good.formatted(recordId).getBytes(UTF_8));
    }
    on.flush();
  }

  private void awaitPredictions(Deployment on) {
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                predicted(on, "before-" + id) && predicted(on, id) && predicted(on, "after-" + id));
  }

  private static void awaitSamples(Deployment on, String recordId, String... labels) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(samples(on, recordId)).containsExactly(labels));
  }

  private ConsumerRecord<byte[], byte[]> refusesAmongNeighbours(
      Deployment on, String good, byte[] bad, String field, String cause) {
    return refusesAmongNeighbours(
        on, recordId -> good.formatted(recordId).getBytes(UTF_8), bad, field, cause);
  }

  private ConsumerRecord<byte[], byte[]> refusesAmongNeighbours(
      Deployment on, Function<String, byte[]> good, byte[] bad, String field, String cause) {
    String badId = "bad-" + id;
    send(on, "before-" + id, good.apply("before-" + id));
    send(on, badId, bad);
    send(on, "after-" + id, good.apply("after-" + id));
    on.flush();

    await().atMost(PATIENCE).until(() -> predicted(on, "after-" + id));

    assertThat(predicted(on, "before-" + id)).isTrue();
    assertThat(predicted(on, badId)).isFalse();
    ConsumerRecord<byte[], byte[]> dead = deadLetter(on, badId);
    assertThat(dead.value()).as("the original bytes").isEqualTo(bad);
    assertThat(Deployment.header(dead, "headwater-field")).isEqualTo(field);
    assertThat(Deployment.header(dead, "__streams.errors.message")).contains(cause);
    assertThat(on.metrics.counts().inferred())
        .isGreaterThanOrEqualTo(before.get(on).inferred() + 2);
    assertThat(withoutInferred(on.metrics.counts()))
        .isEqualTo(
            withoutInferred(plus(before.get(on), new Counts(3, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0))));
    return dead;
  }

  private static void send(Deployment on, String recordId, byte[] value) {
    on.send(0, "k", value, new RecordHeader("headwater-record-id", recordId.getBytes(UTF_8)));
  }

  private static ConsumerRecord<byte[], byte[]> deadLetter(Deployment on, String recordId) {
    return await()
        .atMost(PATIENCE)
        .until(
            () ->
                on.committed(on.topics.deadLetters()).stream()
                    .filter(r -> recordId.equals(Deployment.header(r, "headwater-record-id")))
                    .findFirst(),
            Optional::isPresent)
        .orElseThrow();
  }

  private static boolean predicted(Deployment on, String recordId) {
    return on.committed(on.topics.predictions()).stream()
        .map(ConsumerRecord::value)
        .map(Prediction::recordId)
        .anyMatch(recordId::equals);
  }

  private static List<String> samples(Deployment on, String recordId) {
    return on.committed(on.topics.samples()).stream()
        .filter(r -> r.value().getRecordId().equals(recordId))
        .map(r -> r.value().getLabel())
        .toList();
  }

  private static Counts plus(Counts a, Counts b) {
    return new Counts(
        a.received() + b.received(),
        a.predicted() + b.predicted(),
        a.deadLettered() + b.deadLettered(),
        a.reviewed() + b.reviewed(),
        a.labelsReceived() + b.labelsReceived(),
        a.labelsMatched() + b.labelsMatched(),
        a.labelsUnmatched() + b.labelsUnmatched(),
        a.labelsDeadLettered() + b.labelsDeadLettered(),
        a.inferred() + b.inferred(),
        a.swaps() + b.swaps(),
        a.headsRejected() + b.headsRejected());
  }

  /** A batch that failed is run again record by record, so a bad record may cost more runs. */
  private static Counts withoutInferred(Counts a) {
    return new Counts(
        a.received(),
        a.predicted(),
        a.deadLettered(),
        a.reviewed(),
        a.labelsReceived(),
        a.labelsMatched(),
        a.labelsUnmatched(),
        a.labelsDeadLettered(),
        0,
        a.swaps(),
        a.headsRejected());
  }
}

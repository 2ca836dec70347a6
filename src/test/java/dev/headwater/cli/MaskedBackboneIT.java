package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.Tiling;
import dev.headwater.config.Settings;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.replay.Spots;
import dev.headwater.schema.Json;
import dev.headwater.schema.Sample;
import dev.headwater.stream.StreamService;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/**
 * Masks painted in Label Studio become samples; a new backbone, whose map is of another resolution,
 * takes them over, learns from them and is compared with the old one.
 */
class MaskedBackboneIT extends CommandedDeployment {
  private static final int PICTURES = 60;
  private static final int LATER = 40;
  private static final double AUDITED = .5;

  private final Map<String, String> truths = new HashMap<>();
  private List<String> pictures;

  @Test
  void masksFollowADeploymentToANewBackbone() throws Exception {
    Spots.bundle(directory.resolve("spots"));
    Bundles.newDense(directory.resolve("coarse"), Spots.SIDE, Spots.SIDE);
    Path old = deployment("desk", "spots");
    Path next = deployment("desk2", "coarse");
    Settings before = settings(old);
    Settings after = settings(next);
    draw(before.loadBundle().task().masks().orElseThrow());
    InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
    config = old;
    assertThat(run("topics", "create")).as(err.toString()).isZero();
    try (StreamService service = ServeCommand.service(before, before.loadBundle(), metrics)) {
      service.start();
      send(0, PICTURES);
      paint(PICTURES);
      await().atMost(PATIENCE).until(() -> labelled(before).size() == PICTURES);
      assertThat(labelled(before))
          .allSatisfy((id, sample) -> assertThat(sample.getLabel()).isEqualTo(truths.get(id)));

      config = next;
      assertThat(run("topics", "create")).as(err.toString()).isZero();
      assertThat(run("samples", "reembed", "--old", old.toString())).as(err.toString()).isZero();
      assertThat(out.toString()).contains("embedded 60 of 60 labelled records; 0 no longer");
      assertReembedded(labelled(before), labelled(after), after.loadBundle().task());
      learn(after, "pixels");

      send(PICTURES, PICTURES + LATER);
      config = old;
      paint(LATER);
      await().atMost(PATIENCE).until(() -> labelled(before).size() == PICTURES + LATER);
      config = next;
      assertThat(run("rescore", "--to", "again")).as(err.toString()).isZero();
      assertThat(out.toString()).contains("scored 100 records to again, 0 invalid");
      assertThat(run("compare", "--with", old.toString(), "--predictions", "again"))
          .as(err.toString())
          .isZero();
      assertBetter();
    }
  }

  private Path deployment(String name, String bundle) throws Exception {
    return Files.writeString(
        directory.resolve(name + ".yaml"),
        """
        name: %s
        state-dir: %s
        bundle: {directory: %s}
        kafka: {bootstrap.servers: "%s"}
        topics: {records: [desk-records], partitions: 2, join-partitions: 2}
        selection: {threshold: 1, audit-share: %s, budget: 1, near-duplicate-distance: 0}
        stream: {unlabelled-share: 0}
        adapt: {device: cpu}
        """
            .formatted(
                name,
                directory.resolve("state-" + name),
                directory.resolve(bundle),
                broker.bootstrapServers(),
                AUDITED));
  }

  private void draw(Masks masks) throws Exception {
    Path file = Spots.write(directory.resolve("spots.jsonl"), masks, PICTURES + LATER);
    pictures = Files.readAllLines(file);
    for (String line : pictures) {
      JsonNode picture = Json.MAPPER.readTree(line);
      truths.put(picture.path("id").asText(), picture.path("mask").asText());
    }
  }

  private void send(int from, int to) {
    try (Producer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka(), new ByteArraySerializer(), new ByteArraySerializer())) {
      pictures
          .subList(from, to)
          .forEach(
              line -> producer.send(new ProducerRecord<>("desk-records", line.getBytes(UTF_8))));
    }
  }

  /** As an annotator does: what a head has guessed is painted over by the truth. */
  private void paint(int waiting) throws Exception {
    Path files = directory.resolve("annotate");
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(run("review", "export", "--out", files.toString()))
                  .as(err.toString())
                  .isZero();
              assertThat(out.toString())
                  .startsWith("exported " + waiting + " label requests of task pixels");
            });
    assertThat(files.resolve("config.xml")).content().contains("<Label value=\"light\"/>");
    JsonNode exported = Json.MAPPER.readTree(files.resolve("tasks.json").toFile());
    for (JsonNode task : exported) {
      String id = task.at("/data/recordId").asText();
      assertThat(task.has("predictions"))
          .as("what leads nobody astray")
          .isEqualTo(!Selection.selects(id, AUDITED));
      ObjectNode region =
          ((ObjectNode) task)
              .putArray("annotations")
              .addObject()
              .putArray("result")
              .addObject()
              .put("type", "brushlabels")
              .put("original_width", Spots.SIDE)
              .put("original_height", Spots.SIDE)
              .put("image_rotation", 0);
      ObjectNode value = region.putObject("value").put("format", "rle");
      value.putArray("brushlabels").add("light");
      stroke(truths.get(id), value.putArray("rle"));
    }
    Path annotated = files.resolve("annotated.json");
    Json.MAPPER.writeValue(annotated.toFile(), exported);
    assertThat(run("labels", "import", annotated.toString())).as(err.toString()).isZero();
    assertThat(out.toString()).contains("sent " + waiting + " labels for task pixels");
  }

  /** Word by word, as the format allows: four a pixel, in chunks of four. */
  private void stroke(String mask, ArrayNode rle) throws Exception {
    byte[] pixels =
        settings(config).loadBundle().task().masks().orElseThrow().decode(mask, "mask", null);
    StringBuilder bits = new StringBuilder("00000000000000000000011001000000"); // 1,600 words
    bits.append("00111").append("0010001101111111");
    for (byte pixel : pixels) {
      bits.append("000011").append((pixel == 1 ? "1" : "0").repeat(32));
    }
    bits.append("0".repeat((8 - bits.length() % 8) % 8));
    for (int i = 0; i < bits.length(); i += 8) {
      rle.add(Integer.parseInt(bits.substring(i, i + 8), 2));
    }
  }

  private static void assertReembedded(
      Map<String, Sample> then, Map<String, Sample> now, Task task) {
    Tiling tiling = task.tiling().orElseThrow();
    assertThat(now.keySet()).isEqualTo(then.keySet());
    now.forEach(
        (id, sample) -> {
          Sample old = then.get(id);
          assertThat(sample.getDim()).isEqualTo(tiling.size()).isNotEqualTo(old.getDim());
          assertThat(sample.getRows()).isPositive().isEqualTo(sample.getTiles().size());
          assertThat(sample.getRowWeights()).hasSize(sample.getRows());
          assertThat(sample.getFeatures().remaining())
              .isEqualTo(Float.BYTES * sample.getRows() * sample.getDim());
          assertThat(sample.getTiles()).allMatch(tile -> tile >= 0 && tile < tiling.tiles());
          assertThat(sample.getBackbone()).isEqualTo(task.fingerprint());
          assertThat(sample.getLabel()).isEqualTo(old.getLabel());
          assertThat(sample.getReason()).isEqualTo(old.getReason());
          assertThat(sample.getWeight()).isEqualTo(old.getWeight());
        });
  }

  /** Of the later pictures, for the new head has learnt from the others. */
  private void assertBetter() {
    long judged =
        IntStream.range(PICTURES, PICTURES + LATER)
            .filter(i -> Selection.selects("s" + i, AUDITED))
            .count();
    assertThat(out.toString())
        .contains("pixels: %d audit samples predicted by both".formatted(judged));
    Matcher told = Pattern.compile("desk2? +accuracy ([\\d.]+)").matcher(out.toString());
    assertThat(told.find()).isTrue();
    double now = Double.parseDouble(told.group(1));
    assertThat(told.find()).isTrue();
    assertThat(now)
        .as("pixels right, against weights that nobody trained: %s", out)
        .isGreaterThan(.85)
        .isGreaterThan(Double.parseDouble(told.group(1)));
  }
}

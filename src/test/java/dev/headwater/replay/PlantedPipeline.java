package dev.headwater.replay;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.metrics.Health;
import dev.headwater.replay.traffic.RunTopics;
import dev.headwater.replay.traffic.Worker;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Verdict;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/**
 * Stands in for scorer and trainer between a session's topics. Records are {@code {"x": number}}:
 * head 0 calls all of them {@code low}; head 1, which comes with the first label, calls those of 50
 * and more {@code high}. Every fifth record asks for its label. What comes after {@link
 * #HELD_AFTER} records waits for head 1.
 */
final class PlantedPipeline implements Session.Deployment {
  static final int HELD_AFTER = 200;

  private final RunTopics topics;
  private final Set<String> muted;
  private final List<HeadInfo> heads = new CopyOnWriteArrayList<>();
  private final List<String> received = new CopyOnWriteArrayList<>();
  private final Map<String, Sample> pending = new ConcurrentHashMap<>();
  private @Nullable Worker worker;
  private final List<ConsumerRecord<byte[], byte[]>> held = new ArrayList<>();
  volatile boolean closed;

  /**
   * @param muted ids of records that never get an outcome
   */
  PlantedPipeline(RunTopics topics, Set<String> muted) {
    this.topics = topics;
    this.muted = muted;
  }

  /** The values of all records, as they came. */
  List<String> received() {
    return received;
  }

  @Override
  public void start(BooleanSupplier abandoned) {
    worker = Worker.start("planted", this::run);
  }

  @Override
  public Health ready() {
    return Health.up("planted");
  }

  @Override
  public Health health() {
    return Health.up("planted");
  }

  @Override
  public List<HeadInfo> candidates() {
    return List.copyOf(heads);
  }

  @Override
  public void close() {
    closed = true;
    if (worker != null) {
      worker.close();
      worker.check();
    }
  }

  private void run(BooleanSupplier running) throws Exception {
    try (Consumer<byte[], byte[]> in =
            topics.reader(topics.records(), topics.topics().labels().name());
        Producer<byte[], byte[]> out = topics.producer()) {
      while (running.getAsBoolean()) {
        for (ConsumerRecord<byte[], byte[]> record : in.poll(Duration.ofMillis(20))) {
          if (!record.topic().equals(topics.records())) {
            learn(record, out);
          } else if (heads.isEmpty() && received.size() >= HELD_AFTER) {
            held.add(record);
          } else {
            score(record, out);
          }
        }
      }
    }
  }

  private void score(ConsumerRecord<byte[], byte[]> record, Producer<byte[], byte[]> out)
      throws IOException {
    String id = new String(record.headers().lastHeader("headwater-record-id").value(), UTF_8);
    received.add(new String(record.value(), UTF_8));
    if (muted.contains(id)) {
      return;
    }
    Source source = new Source(record.topic(), record.partition(), record.offset());
    JsonNode x;
    try {
      x = Json.MAPPER.readTree(record.value()).path("x");
    } catch (IOException notJson) {
      x = Json.MAPPER.missingNode();
    }
    if (!x.isNumber()) {
      refuse(record, source, id, out);
      return;
    }
    long version = heads.size();
    String label = version > 0 && x.asDouble() >= 50 ? "high" : "low";
    Prediction prediction =
        new Prediction(
            id,
            new TaskPrediction("task", label, .8, List.of(), version, new Scored("low", .6)),
            source,
            null);
    out.send(
        new ProducerRecord<>(
            topics.topics().predictions().name(), Json.MAPPER.writeValueAsBytes(prediction)));
    if (x.asInt() % 5 == 0) {
      ask(record, source, id, label, out);
    }
  }

  private void refuse(
      ConsumerRecord<byte[], byte[]> record,
      Source source,
      String id,
      Producer<byte[], byte[]> out) {
    ProducerRecord<byte[], byte[]> letter =
        new ProducerRecord<>(topics.topics().deadLetters().name(), record.key(), record.value());
    Map.of(
            "headwater-record-id",
            id,
            "headwater-field",
            "/x",
            "__streams.errors.message",
            "x is missing",
            "__streams.errors.topic",
            source.topic(),
            "__streams.errors.partition",
            String.valueOf(source.partition()),
            "__streams.errors.offset",
            String.valueOf(source.offset()))
        .forEach((name, value) -> letter.headers().add(name, value.getBytes(UTF_8)));
    out.send(letter);
  }

  private void ask(
      ConsumerRecord<byte[], byte[]> record,
      Source source,
      String id,
      String predicted,
      Producer<byte[], byte[]> out)
      throws IOException {
    Reason reason = pending.size() % 2 == 0 ? Reason.UNSURE : Reason.AUDIT;
    pending.put(
        id,
        Sample.newBuilder()
            .setRecordId(id)
            .setTask("task")
            .setBackbone("backbone")
            .setRows(1)
            .setDim(2)
            .setFeatures(SampleSerde.pack(new float[] {1, -.5f}))
            .setReason(reason)
            .setWeight(1)
            .setPredicted(predicted)
            .setConfidence(.8f)
            .setHeadVersion(heads.size())
            .setRecordTime(Instant.EPOCH)
            .build());
    ReviewItem item =
        new ReviewItem(id, "task", reason, new String(record.value(), UTF_8), false, null, source);
    byte[] value = Json.MAPPER.writeValueAsBytes(item);
    // asked twice, as a scorer that is at-least-once may
    out.send(new ProducerRecord<>(topics.topics().review().name(), id.getBytes(UTF_8), value));
    out.send(new ProducerRecord<>(topics.topics().review().name(), id.getBytes(UTF_8), value));
  }

  private void learn(ConsumerRecord<byte[], byte[]> record, Producer<byte[], byte[]> out)
      throws IOException {
    Label label = Json.MAPPER.readValue(record.value(), Label.class); // as a replay writes it
    Sample sample = pending.get(label.recordId());
    sample = Sample.newBuilder(sample).setLabel(label.label()).setLabelTime(Instant.EPOCH).build();
    out.send(
        new ProducerRecord<>(
            topics.topics().samples().name(),
            topics.topics().samples().value().serializer().serialize("samples", sample)));
    if (heads.isEmpty()) {
      heads.add(info(1, true));
      out.send(
          new ProducerRecord<>(
              topics.topics().heads().name(), "head".getBytes(UTF_8), new byte[0]));
      for (ConsumerRecord<byte[], byte[]> waiting : held) {
        score(waiting, out);
      }
      held.clear();
    }
  }

  static HeadInfo info(long version, boolean accepted) {
    return new HeadInfo(
        "task",
        version,
        0,
        List.of("low", "high"),
        "backbone",
        Instant.EPOCH,
        "samples",
        "cpu",
        new Verdict(accepted, accepted ? "it is better" : "it is worse", 1, Map.of()));
  }
}

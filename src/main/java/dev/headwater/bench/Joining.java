package dev.headwater.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.replay.Pipeline;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.RecordId;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.stream.StreamService;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * Measures records that are scored, request a label and are joined with a label that arrived first,
 * while unmatched labels wait in the join store.
 *
 * @param pipeline pipeline that requests a label for every record
 * @param records records per round
 */
record Joining(Pipeline pipeline, Arena arena, int records, Consumer<String> progress) {

  /** Measures rounds with this many unmatched labels, after a warm-up round. */
  List<Measured> beside(int waiting, int rounds) throws Exception {
    String group = "joining-" + waiting;
    TopicNames names = arena.open(group + "-records", group);
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    List<Measured> measured = new ArrayList<>();
    try (StreamService service =
            new Headwater(pipeline)
                .start(
                    Topics.of(names),
                    group,
                    arena.scratch().resolve(group),
                    arena.kafka(),
                    registry);
        Producer<byte[], byte[]> producer = Backlog.producer(arena.kafka())) {
      long start = System.nanoTime();
      for (int i = 0; i < waiting; i++) {
        producer.send(label(names, i, "unmatched-" + i));
      }
      Run run = new Run(names, producer, registry);
      // sent after the unmatched labels in every partition: once joined, those are in the store
      run.round(0);
      progress.accept(
          "%,d unmatched labels stored, then %,d records joined: %.1f s"
              .formatted(waiting, records, (System.nanoTime() - start) / 1e9));
      for (int round = 1; round <= rounds; round++) {
        measured.add(run.round(round));
      }
      if (!service.live().up()) {
        throw new IllegalStateException(service.live().cause());
      }
    }
    arena.close(group);
    return measured;
  }

  private ProducerRecord<byte[], byte[]> label(TopicNames names, int number, String recordId)
      throws JsonProcessingException {
    byte[] label =
        Json.MAPPER.writeValueAsBytes(
            new Label(
                recordId,
                pipeline.bundle().task().name(),
                pipeline.bundle().task().labels().get(0)));
    return new ProducerRecord<>(names.labels(), number % arena.backlog().partitions(), null, label);
  }

  private final class Run {
    private final TopicNames names;
    private final Producer<byte[], byte[]> producer;
    private final PrometheusMeterRegistry registry;

    Run(TopicNames names, Producer<byte[], byte[]> producer, PrometheusMeterRegistry registry) {
      this.names = names;
      this.producer = producer;
      this.registry = registry;
    }

    Measured round(int round) throws Exception {
      int from = round * records;
      for (int i = from; i < from + records; i++) {
        producer.send(label(names, i, "r" + i));
      }
      for (int i = from; i < from + records; i++) {
        ProducerRecord<byte[], byte[]> record = arena.backlog().record(names.records().get(0), i);
        record.headers().add(RecordId.HEADER, ("r" + i).getBytes(UTF_8));
        producer.send(record);
      }
      producer.flush();
      long first = joined(from + (long) (records * Drain.WARM_UP));
      Meter.Reading start = Meter.read();
      joined(from + records);
      return Measured.between(start, Meter.read(), from + records - first, List.of());
    }

    private long joined(long wanted) throws Exception {
      return Progress.await(
          "records joined with labels",
          wanted,
          () -> (long) registry.get("headwater.labels.matched").counter().count());
    }
  }
}

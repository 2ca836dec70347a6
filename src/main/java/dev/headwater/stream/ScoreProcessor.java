package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.RecordId;
import dev.headwater.schema.Source;
import dev.headwater.schema.format.RegistryException;
import dev.headwater.scoring.Outcome;
import dev.headwater.stream.guard.DeadLetter;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;

/**
 * Scores and routes one record. All outputs are computed, serialised and size-checked before the
 * first one is forwarded. A failure before that concerns this record alone and sends it to dead
 * letters, so a poison pill neither fails twice nor affects other records. A failure after that
 * stops the task.
 */
final class ScoreProcessor implements Processor<byte[], byte[], byte[], byte[]> {
  private final ScoringTopology topology;
  private final Router router;

  @SuppressWarnings("NullAway.Init") // set by init, which Kafka Streams calls first
  private ProcessorContext<byte[], byte[]> context;

  ScoreProcessor(ScoringTopology topology, Router router) {
    this.topology = topology;
    this.router = router;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    topology.scorer().opened(context.taskId().partition());
  }

  @Override
  public void close() {
    topology.scorer().closed(context.taskId().partition());
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    long start = System.nanoTime();
    Source source = source(context.recordMetadata().orElseThrow());
    Router.Routed routed = route(record, source);
    routed.outbox().send(context);
    count(routed, Math.max(0, context.currentSystemTimeMs() - record.timestamp()));
    topology.metrics().recordStage(ScorerMetrics.Stage.PROCESS, System.nanoTime() - start);
  }

  private void count(Router.Routed routed, long endToEndMillis) {
    ScorerMetrics metrics = topology.metrics();
    metrics.received();
    metrics.predicted(endToEndMillis);
    for (int i = 0; i < topology.tasks().size(); i++) {
      ScoringTopology.Task task = topology.tasks().get(i);
      Outcome outcome = routed.result().outcomes().get(i);
      if (outcome.isScored()) {
        metrics.recordConfidence(task.name(), outcome.confidence());
      }
      if (routed.kept().isPresent()) {
        metrics.recordSample(task.name(), routed.kept().get().reason().name());
      }
      if (routed.unlabelled().isPresent() && task.unlabelledFeatures().isPresent()) {
        metrics.recordSample(task.name(), routed.unlabelled().get().reason().name());
      }
    }
    for (int i = 0; i < routed.labelRequests(); i++) {
      metrics.reviewed();
    }
  }

  private Router.Routed route(Record<byte[], byte[]> record, Source source) {
    String explicitId = RecordId.header(record.headers());
    try {
      Scorer.Result result =
          topology.scorer().score(source, key(record, explicitId), record.value());
      explicitId = explicitId == null ? result.recordId() : explicitId;
      String recordId = explicitId == null ? source.recordId() : explicitId;
      return router.route(record, source, recordId, result, context.currentSystemTimeMs());
    } catch (InvalidRecordException e) {
      throw deadLetter(e, explicitId == null ? e.recordId() : explicitId, source);
    } catch (IllegalStateException | RegistryException e) {
      // scoring closed, live head broken, or registry unavailable: not the fault of the record
      throw e;
    } catch (RuntimeException e) {
      // the model fails on this record even in a batch of one, so a retry would fail again
      throw deadLetter(e, explicitId, source);
    }
  }

  /** Returns the key that selects the head, so that one head scores all records of a key. */
  @SuppressWarnings("ConstantValue") // Kafka's keys may be null
  private static byte @Nullable [] key(Record<byte[], byte[]> record, @Nullable String id) {
    return record.key() != null || id == null ? record.key() : id.getBytes(UTF_8);
  }

  private DeadLetter deadLetter(Exception reason, @Nullable String id, Source source) {
    topology.metrics().received();
    topology.metrics().deadLettered();
    return new DeadLetter(reason, id == null ? source.recordId() : id);
  }

  private static Source source(RecordMetadata metadata) {
    return new Source(metadata.topic(), metadata.partition(), metadata.offset());
  }
}

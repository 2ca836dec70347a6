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
 * Scores a record and routes it. Everything about it is computed, serialised and size-checked
 * before its first forward; whatever goes wrong until then concerns this record alone and sends it
 * to dead letters, so that no poison record fails twice or takes its neighbours. What goes wrong
 * afterwards stops the task.
 */
final class ScoreProcessor implements Processor<byte[], byte[], byte[], byte[]> {
  private final ScoringTopology topology;
  private final Router router;

  @SuppressWarnings("NullAway.Init") // by init, which Streams calls first
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
    topology.metrics().passed(ScorerMetrics.Stage.PROCESS, System.nanoTime() - start);
  }

  private void count(Router.Routed routed, long endToEndMillis) {
    ScorerMetrics metrics = topology.metrics();
    metrics.received();
    metrics.predicted(endToEndMillis);
    for (int i = 0; i < topology.tasks().size(); i++) {
      ScoringTopology.Task task = topology.tasks().get(i);
      Outcome outcome = routed.answer().outcomes().get(i);
      if (outcome.scored()) {
        metrics.confident(task.name(), outcome.confidence());
      }
      if (routed.kept().isPresent()) {
        metrics.kept(task.name(), routed.kept().get().reason().name());
      }
      if (routed.drawn().isPresent() && task.drawn().isPresent()) {
        metrics.kept(task.name(), routed.drawn().get().reason().name());
      }
    }
    for (int i = 0; i < routed.reviews(); i++) {
      metrics.reviewed();
    }
  }

  private Router.Routed route(Record<byte[], byte[]> record, Source source) {
    String ownId = RecordId.header(record.headers());
    try {
      Scorer.Answer answer = topology.scorer().answer(source, key(record, ownId), record.value());
      ownId = ownId == null ? answer.recordId() : ownId;
      String recordId = ownId == null ? source.recordId() : ownId;
      return router.route(record, source, recordId, answer, context.currentSystemTimeMs());
    } catch (InvalidRecordException e) {
      throw deadLetter(e, ownId == null ? e.recordId() : ownId, source);
    } catch (IllegalStateException | RegistryException e) {
      // scoring closed, the live head broken, the registry away: no record's fault, so none may pay
      throw e;
    } catch (RuntimeException e) {
      // the network's own failure on this record, tried alone: trying again would fail for ever
      throw deadLetter(e, ownId, source);
    }
  }

  /** So that all records of one key are answered by one head. */
  @SuppressWarnings("ConstantValue") // Kafka's keys may be null
  private static byte @Nullable [] key(Record<byte[], byte[]> record, @Nullable String ownId) {
    return record.key() != null || ownId == null ? record.key() : ownId.getBytes(UTF_8);
  }

  private DeadLetter deadLetter(Exception reason, @Nullable String ownId, Source source) {
    topology.metrics().received();
    topology.metrics().deadLettered();
    return new DeadLetter(reason, ownId == null ? source.recordId() : ownId);
  }

  private static Source source(RecordMetadata metadata) {
    return new Source(metadata.topic(), metadata.partition(), metadata.offset());
  }
}

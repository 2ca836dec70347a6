package dev.headwater.stream;

import dev.headwater.bundle.Bundle;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Outcome;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.guard.TopicLimits;
import dev.headwater.stream.labels.LabelTopology;
import dev.headwater.stream.labels.StoreMemory;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;

/**
 * The complete topology of the scorer, with precomputed outcomes instead of inference. It reads,
 * routes, joins and writes like {@link StreamService}. The bench uses it to measure the cost of
 * Kafka and the outputs alone.
 */
public final class PrecomputedStream implements AutoCloseable {
  private final StoreMemory memory;
  private final KafkaStreams streams;

  /**
   * The precomputed result of a record.
   *
   * @param recordId id in the record value; null if there is none
   * @param outcomes outcomes by task
   */
  public record Precomputed(@Nullable String recordId, List<Outcome> outcomes) {}

  /** Starts immediately, with the topic checks of {@link StreamService#start}. */
  public PrecomputedStream(
      StreamSettings settings,
      Bundle bundle,
      Topics topics,
      Map<String, Object> kafka,
      Function<Source, Precomputed> results,
      ScorerMetrics metrics) {
    Limits limits =
        TopicLimits.read(
            kafka,
            topics,
            StreamProperties.maxRequestSize(kafka),
            LabelTopology.changelogs(settings.applicationId()));
    List<ScoringTopology.Task> tasks = ScoringTopology.Task.of(bundle);
    ScoringTopology topology =
        new ScoringTopology(topics, settings, tasks, new Lookup(results), limits, metrics);
    memory = new StoreMemory(settings.storeBytes());
    streams =
        new KafkaStreams(
            topology.get(),
            StreamProperties.of(settings, topics, kafka, limits, memory, poll -> {}));
    streams.start();
  }

  @Override
  public void close() {
    streams.close();
    memory.close();
  }

  private record Lookup(Function<Source, Precomputed> results) implements Scorer {
    @Override
    public Result score(Source source, byte @Nullable [] key, byte @Nullable [] value) {
      Precomputed result = results.apply(source);
      return new Result(result.recordId(), result.outcomes());
    }

    @Override
    public void opened(int partition) {
      // no state per partition
    }

    @Override
    public void closed(int partition) {
      // no state per partition
    }
  }
}

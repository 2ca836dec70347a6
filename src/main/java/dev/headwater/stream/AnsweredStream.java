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
 * The scorer's whole topology with answers known beforehand in place of inference: reads, routes,
 * joins and writes what {@link StreamService} would. For the bench, which asks what Kafka and the
 * outputs alone take.
 */
public final class AnsweredStream implements AutoCloseable {
  private final StoreMemory memory;
  private final KafkaStreams streams;

  /**
   * A record's answer.
   *
   * @param recordId null where the record brings none
   * @param outcomes by task
   */
  public record Known(@Nullable String recordId, List<Outcome> outcomes) {}

  /** Starts at once; of the broker's topics as {@link StreamService#start}. */
  public AnsweredStream(
      StreamSettings settings,
      Bundle bundle,
      Topics topics,
      Map<String, Object> kafka,
      Function<Source, Known> answers,
      ScorerMetrics metrics) {
    Limits limits =
        TopicLimits.read(
            kafka,
            topics,
            StreamProperties.maxRequestSize(kafka),
            LabelTopology.changelogs(settings.applicationId()));
    List<ScoringTopology.Task> tasks = ScoringTopology.Task.of(bundle);
    ScoringTopology topology =
        new ScoringTopology(topics, settings, tasks, new Answers(answers), limits, metrics);
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

  private record Answers(Function<Source, Known> known) implements Scorer {
    @Override
    public Answer answer(Source source, byte @Nullable [] key, byte @Nullable [] value) {
      Known answer = known.apply(source);
      return new Answer(answer.recordId(), answer.outcomes());
    }

    @Override
    public void opened(int partition) {
      // nothing is kept by partition
    }

    @Override
    public void closed(int partition) {
      // likewise
    }
  }
}

package dev.headwater.stream;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Tiling;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.labels.LabelCheck;
import dev.headwater.stream.labels.LabelTopology;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.Topology;
import org.jspecify.annotations.Nullable;

/**
 * The complete topology: the sub-topologies <em>score</em>, <em>rekey</em> and <em>join</em>, which
 * are connected by topics. Every node and store has an explicit name, because renaming one loses
 * its state. Processors do not batch: Kafka Streams considers a record done when {@code process}
 * returns, so a record held back for a batch would be lost. Batching happens in {@link
 * dev.headwater.stream.ahead.ReadAhead}.
 */
record ScoringTopology(
    Topics topics,
    StreamSettings settings,
    List<Task> tasks,
    Scorer scorer,
    Limits limits,
    ScorerMetrics metrics)
    implements Supplier<Topology> {
  static final String PREDICTIONS_SINK = "predictions-sink";
  static final String REVIEW_SINK = "review-sink";
  static final String PENDING_SINK = "pending-sink";
  static final String SAMPLES_SINK = "samples-sink";

  /**
   * A prediction task.
   *
   * @param backbone fingerprint of backbone, cut and encoder
   * @param labelField JSON pointer of the inline label; null if records have none
   * @param check validates labels
   * @param dense segmentation settings; empty for other tasks
   * @param summary maps features to the vector for near-duplicate search
   * @param unlabelledFeatures maps features to those of an unlabelled sample; empty if the samples
   *     of another task are used
   */
  record Task(
      String name,
      String backbone,
      @Nullable String labelField,
      LabelCheck check,
      Optional<Dense> dense,
      UnaryOperator<float[]> summary,
      Optional<UnaryOperator<float[]>> unlabelledFeatures) {
    static List<Task> of(Bundle bundle) {
      return bundle.tasks().stream()
          .map(task -> of(task, bundle.unlabelledSource(task) == task))
          .toList();
    }

    private static Task of(dev.headwater.bundle.Task task, boolean ownsUnlabelled) {
      return new Task(
          task.name(),
          task.fingerprint(),
          task.labelField(),
          task::checkLabel,
          task.tiling().map(tiling -> new Dense(tiling, task.masks().orElseThrow())),
          task::summary,
          ownsUnlabelled ? Optional.of(task::unlabelledFeatures) : Optional.empty());
    }
  }

  /** Tiling of the features and encoding of the masks of a dense task. */
  record Dense(Tiling tiling, Masks masks) {}

  @Override
  public Topology get() {
    Topology topology = new Topology();
    score(topology);
    Map<String, LabelCheck> checks =
        tasks.stream().collect(Collectors.toMap(Task::name, Task::check));
    new LabelTopology(topics, checks, settings.labelWait(), limits, metrics).addTo(topology);
    return topology;
  }

  private void score(Topology topology) {
    Router router = new Router(this);
    topology
        .addSource(
            "records",
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer(),
            topics.records().stream().map(Topic::name).toArray(String[]::new))
        .addProcessor("score", () -> new ScoreProcessor(this, router), "records");
    sink(topology, PREDICTIONS_SINK, topics.predictions());
    sink(topology, REVIEW_SINK, topics.review());
    sink(topology, PENDING_SINK, topics.pending());
    sink(topology, SAMPLES_SINK, topics.samples());
  }

  private static void sink(Topology topology, String name, Topic<?, ?> topic) {
    topology.addSink(
        name, topic.name(), new ByteArraySerializer(), new ByteArraySerializer(), "score");
  }
}

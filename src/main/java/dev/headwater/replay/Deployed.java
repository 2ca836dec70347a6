package dev.headwater.replay;

import dev.headwater.adapt.History;
import dev.headwater.adapt.Relabelling;
import dev.headwater.adapt.Trainer;
import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.traffic.RunTopics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.scoring.Scoring;
import dev.headwater.stream.StreamService;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The scorer and, if adaptation is on, the trainer of a replay. As in production, they communicate
 * through topics only.
 */
final class Deployed implements Session.Deployment {
  private final Pipeline pipeline;
  private final RunTopics topics;
  private final Map<String, Object> kafka;
  private final Map<String, String> labelFields;
  private final Consumer<String> progress;
  private final Watcher watcher;
  private final Function<String, LabelAliases> aliases;
  private final StreamService scorer;
  private final Optional<Trainer> trainer;

  /**
   * @param progress receives a line per step; may throw to cancel the replay
   */
  Deployed(
      Pipeline pipeline,
      RunTopics topics,
      Map<String, Object> kafka,
      Path stateDirectory,
      ReplaySettings settings,
      Function<String, LabelAliases> aliases,
      Consumer<String> progress,
      Watcher watcher) {
    this.watcher = watcher;
    this.aliases = aliases;
    this.pipeline = pipeline;
    this.topics = topics;
    this.kafka = kafka;
    this.labelFields = settings.labelFields(pipeline.bundle().tasks());
    this.progress = progress;
    this.scorer =
        new StreamService(
            pipeline.stream(topics.prefix(), stateDirectory),
            pipeline.bundle(),
            pipeline.comparing(),
            topics.topics(),
            kafka,
            Signatures.NONE,
            watcher.scorer());
    watcher.deployed(scorer);
    try {
      this.trainer = settings.adapt() ? Optional.of(trainer()) : Optional.empty();
    } catch (RuntimeException e) {
      scorer.close(); // releases native memory
      throw e;
    }
  }

  private Trainer trainer() {
    return new Trainer(
        pipeline.adapt(topics.prefix()),
        pipeline.gates(),
        pipeline.bundle(),
        topics.topics(),
        kafka,
        watcher.trainer(),
        Clock.systemUTC());
  }

  @Override
  public void start(BooleanSupplier abandoned) throws IOException {
    if (pipeline.history().isPresent()) {
      trainOnHistory(pipeline.history().get());
    }
    if (trainer.isPresent()) {
      relabel();
    }
    progress.accept("starting the scorer");
    scorer.start(abandoned);
    trainer.ifPresent(Trainer::start);
  }

  /**
   * Applies the label aliases of the recorded deployment. Its ground truth uses current label
   * names; without this a renamed class would be learned again as a new one.
   */
  private void relabel() {
    for (Task task : pipeline.bundle().tasks()) {
      LabelAliases current = aliases.apply(task.name());
      if (!current.equals(LabelAliases.none(task.name()))) {
        Optional.ofNullable(finalHeads().get(task.name()))
            .ifPresent(head -> relabel(task, head, current));
      }
    }
  }

  private void relabel(Task task, Head head, LabelAliases current) {
    try (HeadPublisher publisher =
        new HeadPublisher(
            kafka, topics.topics().heads(), topics.prefix() + "-labels", HeadSettings.DEFAULT)) {
      long version = publisher.read().nextVersion(task.name());
      Head renamed =
          new Relabelling(task, current).of(head, version, "current label names", Instant.now());
      publisher.relabel(current, renamed, "replay");
    } catch (IllegalArgumentException e) {
      progress.accept("labels of task %s not updated: %s".formatted(task.name(), e.getMessage()));
    }
  }

  /** Trains the first heads on labelled history, as {@code train --from} does. */
  private void trainOnHistory(Path history) throws IOException {
    try (Scoring features =
        Scoring.load(pipeline.bundle(), pipeline.scoring(), ScorerMetrics.NOOP)) {
      List<HeadInfo> published =
          new History(
                  pipeline.adapt(topics.prefix()),
                  pipeline.gates(),
                  pipeline.bundle(),
                  features,
                  topics.topics(),
                  kafka,
                  Clock.systemUTC(),
                  progress)
              .train(history, labelFields);
      for (HeadInfo head : published) {
        progress.accept(History.describe(head));
      }
    }
  }

  @Override
  public Health ready() {
    Health ready = scorer.ready();
    return ready.up() ? trainer.map(Trainer::health).orElse(ready) : ready;
  }

  @Override
  public Health health() {
    Health live = scorer.live();
    return live.up() ? trainer.map(Trainer::health).orElse(live) : live;
  }

  @Override
  public List<HeadInfo> candidates() {
    HeadLog heads = heads();
    return pipeline.bundle().tasks().stream()
        .flatMap(task -> heads.versions(task.name()).stream())
        .filter(info -> info.version() > 0) // version 0 is the head of the bundle
        .toList();
  }

  /** Returns the last live head of each task, or the head of the bundle if none was promoted. */
  Map<String, Head> finalHeads() {
    HeadLog heads = heads();
    Map<String, Head> last = new HashMap<>();
    for (Task task : pipeline.bundle().tasks()) {
      heads
          .live(task.name())
          .flatMap(pointer -> heads.head(task.name(), pointer.version()))
          .or(task::head)
          .ifPresent(head -> last.put(task.name(), head));
    }
    return last;
  }

  @Override
  public void close() {
    try {
      trainer.ifPresent(Trainer::close);
    } finally {
      scorer.close();
    }
  }

  private HeadLog heads() {
    return HeadLog.read(kafka, topics.topics().heads(), Signatures.NONE);
  }
}

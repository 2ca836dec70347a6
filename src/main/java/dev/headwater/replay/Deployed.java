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
 * Scorer and, unless it is to stay frozen, trainer, as they are deployed: two parts that share
 * nothing but topics.
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
   * @param progress told each step, and may throw to end it there
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
      scorer.close(); // it holds native memory already
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
      learnFrom(pipeline.history().get());
    }
    if (trainer.isPresent()) {
      relabel();
    }
    progress.accept("starting the scorer");
    scorer.start(abandoned);
    trainer.ifPresent(Trainer::start);
  }

  /**
   * As {@code labels} did where the records come from, whose truths have the names of now: or what
   * a renamed class has learnt would be learnt again, beside it.
   */
  private void relabel() {
    for (Task task : pipeline.bundle().tasks()) {
      LabelAliases now = aliases.apply(task.name());
      if (!now.equals(LabelAliases.none(task.name()))) {
        Optional.ofNullable(finalHeads().get(task.name()))
            .ifPresent(head -> relabel(task, head, now));
      }
    }
  }

  private void relabel(Task task, Head head, LabelAliases now) {
    try (HeadPublisher publisher =
        new HeadPublisher(
            kafka, topics.topics().heads(), topics.prefix() + "-labels", HeadSettings.DEFAULT)) {
      long version = publisher.read().nextVersion(task.name());
      Head renamed =
          new Relabelling(task, now).of(head, version, "labels as they are now", Instant.now());
      publisher.relabel(now, renamed, "replay");
    } catch (IllegalArgumentException e) {
      progress.accept(
          "%s keeps its labels as they were: %s".formatted(task.name(), e.getMessage()));
    }
  }

  /** As {@code train --from} does, before anything is scored. */
  private void learnFrom(Path history) throws IOException {
    try (Scoring features =
        Scoring.load(pipeline.bundle(), pipeline.scoring(), ScorerMetrics.NOOP)) {
      List<HeadInfo> first =
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
      for (HeadInfo head : first) {
        progress.accept(History.told(head));
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
        .filter(info -> info.version() > 0) // the bundle's own was nobody's candidate
        .toList();
  }

  /** The last live heads by task; the bundle's own where none was ever promoted. */
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

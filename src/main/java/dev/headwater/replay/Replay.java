package dev.headwater.replay;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Task;
import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.replay.report.Tally;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.replay.traffic.RunTopics;
import dev.headwater.schema.Head;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;

/**
 * Backtests continual adaptation on a labelled stream. Scorer and trainer run as in production and
 * communicate through topics only, on an embedded broker by default. They see a label only if they
 * requested it.
 *
 * <p>On success and failure alike, the replay closes everything it started and deletes its
 * temporary files and its topics on an external broker.
 */
public final class Replay {
  /**
   * C1 only: in a run of minutes, C2 compilation of the broker costs more CPU time than it saves.
   */
  private static final String[] BROKER_OPTIONS = {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"};

  private final ReplaySettings settings;
  private final Pipeline pipeline;
  private final Display display;
  private final Watcher watcher;

  public Replay(ReplaySettings settings, Pipeline pipeline, Display display) {
    this(settings, pipeline, display, Watcher.NONE);
  }

  public Replay(ReplaySettings settings, Pipeline pipeline, Display display, Watcher watcher) {
    this.watcher = watcher;
    this.settings = settings;
    this.pipeline = pipeline;
    this.display = display;
  }

  /**
   * Replays the configured stream once, writes the configured report and final head, and displays
   * the summary.
   *
   * @param cancelled counted down by another thread to cancel the replay
   * @throws IOException if the stream cannot be read or the report cannot be written
   * @throws IllegalArgumentException if the records would be sent with their label
   * @throws IllegalStateException if the replay stalls; the message states what is missing
   * @throws InterruptedException if cancelled
   */
  public ReplayReport run(CountDownLatch cancelled) throws Exception {
    List<Task> tasks = pipeline.bundle().tasks();
    return run(
        beforeEach ->
            LabelledStream.open(
                streamFile(),
                settings.truthFields(),
                settings.truths(tasks),
                tasks,
                settings.domainField(),
                beforeEach),
        cancelled);
  }

  /** Replays a recorded stream, otherwise as {@link #run(CountDownLatch)}. */
  public ReplayReport run(LabelledStream.Recorded recorded, CountDownLatch cancelled)
      throws Exception {
    List<Task> tasks = pipeline.bundle().tasks();
    return run(
        beforeEach ->
            LabelledStream.of(
                recorded,
                settings.truthFields(),
                settings.truths(tasks),
                tasks,
                settings.domainField(),
                beforeEach),
        cancelled);
  }

  private interface Opening {
    LabelledStream open(Runnable beforeEach) throws IOException;
  }

  private ReplayReport run(Opening opening, CountDownLatch cancelled) throws Exception {
    if (settings.report().isPresent()) {
      ReplayReport.probe(settings.report().get());
    }
    try {
      LabelledStream stream = opening.open(() -> throwIfCancelled(cancelled));
      stream
          .invalidTruths()
          .forEach(
              (task, count) ->
                  display.step(
                      "task %s: %d records with an invalid ground truth are excluded"
                          .formatted(task, count)));
      requireNoLeakedLabels(stream, cancelled);
      try (Scratch scratch = Scratch.create()) {
        return settings.bootstrapServers().isPresent()
            ? runOnExternalBroker(
                settings.bootstrapServers().get(), stream, scratch.path(), cancelled)
            : runOnEmbeddedBroker(stream, scratch.path(), cancelled);
      }
    } catch (CancellationException e) {
      throw (InterruptedException) new InterruptedException(e.getMessage()).initCause(e);
    }
  }

  /** Checks for cancellation in code that does not block. */
  private static void throwIfCancelled(CountDownLatch cancelled) {
    if (cancelled.getCount() == 0) {
      throw new CancellationException("the replay was cancelled");
    }
  }

  private ReplayReport runOnEmbeddedBroker(
      LabelledStream stream, Path scratch, CountDownLatch cancelled) throws Exception {
    display.step("starting the embedded broker");
    try (BrokerProcess broker = BrokerProcess.start(scratch.resolve("broker"), BROKER_OPTIONS)) {
      Map<String, Object> kafka = Map.of("bootstrap.servers", broker.bootstrapServers());
      RunTopics topics = new RunTopics(kafka, pipeline.topics().unreplicated());
      topics.create();
      return replay(stream, topics, kafka, scratch, cancelled);
    }
  }

  private ReplayReport runOnExternalBroker(
      String bootstrapServers, LabelledStream stream, Path scratch, CountDownLatch cancelled)
      throws Exception {
    Map<String, Object> kafka = new HashMap<>(pipeline.kafka());
    kafka.put("bootstrap.servers", bootstrapServers);
    RunTopics topics = new RunTopics(kafka, pipeline.topics());
    try (AutoCloseable cleanUp = topics::delete) {
      topics.create();
      return replay(stream, topics, kafka, scratch, cancelled);
    }
  }

  private ReplayReport replay(
      LabelledStream stream,
      RunTopics topics,
      Map<String, Object> kafka,
      Path scratch,
      CountDownLatch cancelled)
      throws Exception {
    Deployed deployed =
        new Deployed(
            pipeline,
            topics,
            kafka,
            scratch.resolve("state"),
            settings,
            stream::aliases,
            step -> {
              throwIfCancelled(cancelled);
              display.step(step);
            },
            watcher);
    Session session =
        new Session(settings, stream, topics, display, watcher, cancelled, kinds(), masks());
    return report(session.run(deployed), deployed);
  }

  /** Exports the heads and writes the report. A failed export does not prevent the report. */
  private ReplayReport report(Tally tally, Deployed deployed) throws IOException {
    Map<String, String> exported = new HashMap<>();
    Optional<Exception> failed = Optional.empty();
    try {
      export(deployed.finalHeads(), exported);
    } catch (IOException | RuntimeException e) {
      failed = Optional.of(e);
    }
    ReplayReport report = tally.report(exported);
    display.summary(report);
    if (settings.report().isPresent()) {
      report.write(settings.report().get());
    }
    if (failed.isPresent()) {
      throw new IOException(
          "cannot export the final heads: " + failed.get().getMessage(), failed.get());
    }
    return report;
  }

  private Map<String, Kind> kinds() {
    Map<String, Kind> kinds = new HashMap<>();
    pipeline.bundle().tasks().forEach(task -> kinds.put(task.name(), task.kind()));
    return kinds;
  }

  private Map<String, Masks> masks() {
    Map<String, Masks> masks = new HashMap<>();
    for (Task task : pipeline.bundle().tasks()) {
      task.masks().ifPresent(mask -> masks.put(task.name(), mask));
    }
    return masks;
  }

  private void export(Map<String, Head> heads, Map<String, String> files) throws IOException {
    for (Task task : pipeline.bundle().tasks()) {
      String suffix = task == pipeline.bundle().task() ? "" : "-" + task.name();
      Head head = heads.get(task.name());
      Optional<Path> file = settings.finalHead(suffix);
      if (head != null && file.isPresent()) {
        task.export(head, file.get());
        files.put(task.name(), file.get().toString());
      }
    }
  }

  private Path streamFile() {
    return settings.stream().orElseThrow(() -> new IllegalArgumentException("no stream to replay"));
  }

  /**
   * Fails if any record would be sent with its label: the trainer would get labels that it did not
   * request, and the report would be wrong.
   */
  private void requireNoLeakedLabels(LabelledStream stream, CountDownLatch cancelled)
      throws IOException {
    if (!pipeline.bundle().readsLabels()) {
      return;
    }
    try (LabelledStream.Values values = stream.values()) {
      for (byte[] value = values.next(); value != null; value = values.next()) {
        throwIfCancelled(cancelled);
        if (containsLabel(value)) {
          throw new IllegalArgumentException(
              ("line %d: record would be sent with its label: bundle %s reads it from a field that"
                      + " is not in replay.truth-fields %s")
                  .formatted(values.line(), pipeline.bundle().name(), settings.truthFields()));
        }
      }
    }
  }

  private boolean containsLabel(byte[] value) {
    try {
      return pipeline.bundle().decoder().decode(value).labels().stream().anyMatch(Objects::nonNull);
    } catch (InvalidRecordException e) {
      return false; // becomes a dead letter; its label is not read
    }
  }
}

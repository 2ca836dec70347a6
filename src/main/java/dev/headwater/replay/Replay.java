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
 * A labelled stream through a whole deployment: what would continual adaptation have given on it?
 * Scorer and trainer run as they are deployed, talk through topics only, on a broker of its own
 * unless one is given, and never see a label that the records did not ask for.
 *
 * <p>Whatever way it ends, everything it started is closed, its topics on a given broker and its
 * temporary files are deleted.
 */
public final class Replay {
  /** A minute's run does not repay what optimising the broker's code would take from the cores. */
  private static final String[] BROKER_OPTIONS = {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"};

  private final ReplaySettings settings;
  private final Pipeline pipeline;
  private final Display display;
  private final Watcher watcher;

  public Replay(ReplaySettings settings, Pipeline pipeline, Display display) {
    this(settings, pipeline, display, Watcher.NOBODY);
  }

  public Replay(ReplaySettings settings, Pipeline pipeline, Display display, Watcher watcher) {
    this.watcher = watcher;
    this.settings = settings;
    this.pipeline = pipeline;
    this.display = display;
  }

  /**
   * Replays once, writes the report and the final head where they are wanted, and shows both.
   *
   * @param cancelled counted down by another thread to end the replay before its time
   * @throws IOException if the stream cannot be read or the report cannot be written
   * @throws IllegalArgumentException if the records would carry their own label
   * @throws IllegalStateException if the replay makes no progress any more; says what is missing
   * @throws InterruptedException if cancelled
   */
  public ReplayReport run(CountDownLatch cancelled) throws Exception {
    List<Task> tasks = pipeline.bundle().tasks();
    return run(
        each ->
            LabelledStream.open(
                streamFile(),
                settings.truthFields(),
                settings.truths(tasks),
                tasks,
                settings.domainField(),
                each),
        cancelled);
  }

  /** As {@link #run(CountDownLatch)}, of what was recorded in place of the stream's file. */
  public ReplayReport run(LabelledStream.Recorded recorded, CountDownLatch cancelled)
      throws Exception {
    List<Task> tasks = pipeline.bundle().tasks();
    return run(
        each ->
            LabelledStream.of(
                recorded,
                settings.truthFields(),
                settings.truths(tasks),
                tasks,
                settings.domainField(),
                each),
        cancelled);
  }

  private interface Opening {
    LabelledStream open(Runnable each) throws IOException;
  }

  private ReplayReport run(Opening opening, CountDownLatch cancelled) throws Exception {
    if (settings.report().isPresent()) {
      ReplayReport.probe(settings.report().get());
    }
    try {
      LabelledStream stream = opening.open(() -> goOn(cancelled));
      stream
          .refused()
          .forEach(
              (task, count) ->
                  display.step(
                      "%s: %d records have a truth that is no label of it; they do not count"
                          .formatted(task, count)));
      refuseLeak(stream, cancelled);
      try (Scratch scratch = Scratch.create()) {
        return settings.bootstrapServers().isPresent()
            ? given(settings.bootstrapServers().get(), stream, scratch.path(), cancelled)
            : own(stream, scratch.path(), cancelled);
      }
    } catch (CancellationException e) {
      throw (InterruptedException) new InterruptedException(e.getMessage()).initCause(e);
    }
  }

  /** Where there is no waiting that could be interrupted. */
  private static void goOn(CountDownLatch cancelled) {
    if (cancelled.getCount() == 0) {
      throw new CancellationException("the replay was cancelled");
    }
  }

  private ReplayReport own(LabelledStream stream, Path scratch, CountDownLatch cancelled)
      throws Exception {
    display.step("starting a broker");
    try (BrokerProcess broker = BrokerProcess.start(scratch.resolve("broker"), BROKER_OPTIONS)) {
      Map<String, Object> kafka = Map.of("bootstrap.servers", broker.bootstrapServers());
      RunTopics topics = new RunTopics(kafka, pipeline.topics().unreplicated());
      topics.create();
      return replay(stream, topics, kafka, scratch, cancelled);
    }
  }

  private ReplayReport given(
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
            what -> {
              goOn(cancelled);
              display.step(what);
            },
            watcher);
    Session session =
        new Session(settings, stream, topics, display, watcher, cancelled, kinds(), masks());
    return told(session.run(deployed), deployed);
  }

  /** A file that cannot be written does not take with it what a whole run has found. */
  private ReplayReport told(Tally tally, Deployed deployed) throws IOException {
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
          "the heads cannot be exported: " + failed.get().getMessage(), failed.get());
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
      task.masks().ifPresent(known -> masks.put(task.name(), known));
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
   * A label that is sent with its record, be it with one of them only, would make the trainer's
   * life, and the report, a lie.
   */
  private void refuseLeak(LabelledStream stream, CountDownLatch cancelled) throws IOException {
    if (!pipeline.bundle().readsLabels()) {
      return;
    }
    try (LabelledStream.Values values = stream.values()) {
      for (byte[] value = values.next(); value != null; value = values.next()) {
        goOn(cancelled);
        if (bringsLabel(value)) {
          throw new IllegalArgumentException(
              "records would be sent with their label, as in line %d: bundle %s reads it from a field that is not among replay.truth-fields %s"
                  .formatted(values.line(), pipeline.bundle().name(), settings.truthFields()));
        }
      }
    }
  }

  private boolean bringsLabel(byte[] value) {
    try {
      return pipeline.bundle().decoder().decode(value).labels().stream().anyMatch(Objects::nonNull);
    } catch (InvalidRecordException e) {
      return false; // dead letters are for that, and an invalid record's label is not read
    }
  }
}

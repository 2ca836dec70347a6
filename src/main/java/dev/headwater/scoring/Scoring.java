package dev.headwater.scoring;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.ModelInput;
import dev.headwater.bundle.Task;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RefusedHeadException;
import dev.headwater.schema.format.ValueReader;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Scores records with the bundle's frozen backbone and the head that is live. Thread-safe.
 *
 * <p>Failure contract: a record that can never be scored fails alone, with an {@link
 * InvalidRecordException}, whatever batch it was in. A head that must not serve is refused and the
 * live one goes on. After {@link #close} everything fails with an unchecked exception.
 */
public final class Scoring implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private final Bundle bundle;
  private final ValueReader values;
  private final ScoringSettings settings;
  private final ScorerMetrics metrics;
  private final Session backbone;
  private final List<TaskScorer> tasks = new ArrayList<>();
  private final ExecutorService pool;
  private final RunLength runLength;
  private volatile boolean closed;

  private Scoring(
      Bundle bundle, ValueReader values, ScoringSettings settings, ScorerMetrics metrics) {
    this.bundle = bundle;
    this.values = values;
    this.settings = settings;
    this.metrics = metrics;
    runLength = new RunLength(settings.batchSize());
    backbone = Session.load("backbone", bundle.backbone(), settings.intraOpThreads());
    AtomicInteger number = new AtomicInteger();
    pool =
        Executors.newFixedThreadPool(
            settings.threads(),
            work -> {
              Thread thread = new Thread(work, "headwater-inference-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Scoring of records in JSON, or as the bundle takes them whole. */
  public static Scoring load(Bundle bundle, ScoringSettings settings, ScorerMetrics metrics) {
    return load(bundle, ValueReader.JSON, settings, metrics);
  }

  /**
   * Loads both halves of the network and puts the bundle's own heads live, if it brings any.
   *
   * @param values how the fields of records are found
   * @throws IllegalArgumentException where ONNX Runtime cannot run the bundle's network
   * @throws java.io.UncheckedIOException where there is no room for temporary files
   */
  public static Scoring load(
      Bundle bundle, ValueReader values, ScoringSettings settings, ScorerMetrics metrics) {
    Scoring scoring = new Scoring(bundle, values, settings, metrics);
    try {
      for (Task task : bundle.tasks()) {
        scoring.tasks.add(TaskScorer.load(task, settings, metrics));
      }
      return scoring;
    } catch (RuntimeException e) {
      scoring.close();
      throw e;
    }
  }

  /**
   * Decodes and infers on the pool, in batches of records of like length.
   *
   * @param values the records' bytes, null elements included
   * @return one future a value, in the same order. A record that can never be scored fails with an
   *     {@link InvalidRecordException}; those not done when scoring is closed, with a {@code
   *     CancellationException}
   */
  public List<CompletableFuture<Inference>> submit(List<byte[]> values) {
    return new Poll(this, pool, settings.batchSize(), values).start(settings.threads());
  }

  /** The same on the caller's thread. */
  public Inference infer(byte @Nullable [] value) throws InvalidRecordException {
    return infer(decode(value));
  }

  /**
   * What {@link #submit} began for a record; where that failed for no fault of the record's, or is
   * not done for a second, it is computed on the caller's thread, and no longer by the others: the
   * longest of a poll come first, and who waits for the shortest may have a transaction open.
   */
  public Inference await(CompletableFuture<Inference> begun, byte @Nullable [] value)
      throws InvalidRecordException {
    try {
      return begun.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a record is scored", e);
    } catch (TimeoutException e) {
      Inference own = infer(value);
      begun.complete(own);
      return own;
    } catch (ExecutionException | CancellationException e) {
      if (e.getCause() instanceof InvalidRecordException invalid) {
        throw invalid;
      }
      // the pool failed, not the record by itself: it gets its own chance
      return infer(value);
    }
  }

  /** The id in a record's value, null where it brings none. */
  public @Nullable String recordId(byte @Nullable [] value) throws InvalidRecordException {
    return decode(value).recordId();
  }

  Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return bundle.decoder().decode(values, value);
  }

  /** Whether records of like length are to share a batch. */
  boolean sorts() {
    return !bundle.decoder().sameLength();
  }

  /** Records in a run, where all are of one length. */
  int runLength() {
    return runLength.records();
  }

  /** Records in turn among which those of like length are sought. */
  int sorted() {
    return runLength.inASecond(settings.threads());
  }

  /** One record by itself: the network failing on it is the record's own failure. */
  Inference infer(Decoded record) throws InvalidRecordException {
    try {
      return infer(List.of(record)).get(0).requireFinite();
    } catch (OrtException e) {
      throw new InvalidRecordException(
          "value", "cannot be run through the network: " + e.getMessage(), record.recordId());
    }
  }

  /** A batch in one run; not checked for finite features. */
  List<Inference> infer(List<Decoded> batch) throws OrtException {
    requireOpen();
    Map<String, OnnxTensor> inputs = new HashMap<>();
    try {
      long start = System.nanoTime();
      for (ModelInput input : bundle.decoder().batch(batch)) {
        inputs.put(input.name(), tensor(input));
      }
      List<Inference> inferences =
          backbone.run(inputs, bundle.features(), result -> infer(batch, new Features(result)));
      count(batch, System.nanoTime() - start);
      return inferences;
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  private void count(List<Decoded> batch, long nanos) {
    int longest = 0;
    long real = 0;
    for (Decoded record : batch) {
      int length = record.input().length();
      longest = Math.max(longest, length);
      real += length;
    }
    long all = (long) bundle.decoder().padded(longest) * batch.size();
    runLength.took(batch.size(), nanos);
    metrics.inferred(batch.size(), all, all - real, Duration.ofNanos(nanos));
  }

  void passed(ScorerMetrics.Stage stage, long nanos) {
    metrics.passed(stage, nanos);
  }

  private List<Inference> infer(List<Decoded> batch, Features at) throws OrtException {
    List<List<Inference.Finding>> byTask = new ArrayList<>(tasks.size());
    for (TaskScorer task : tasks) {
      byTask.add(task.find(at));
    }
    List<Inference> inferences = new ArrayList<>(batch.size());
    for (int i = 0; i < batch.size(); i++) {
      List<Inference.Finding> findings = new ArrayList<>(tasks.size());
      for (List<Inference.Finding> task : byTask) {
        findings.add(task.get(i));
      }
      inferences.add(new Inference(batch.get(i), findings));
    }
    return inferences;
  }

  private static OnnxTensor tensor(ModelInput input) throws OrtException {
    return input.data() instanceof FloatBuffer floats
        ? OnnxTensor.createTensor(Session.ENVIRONMENT, floats, input.shape())
        : OnnxTensor.createTensor(Session.ENVIRONMENT, (LongBuffer) input.data(), input.shape());
  }

  /**
   * What the task's head live now says. Where it is not the one that was live at the inference, it
   * is applied to the features; the backbone does not run again.
   *
   * @param task its index in the bundle
   */
  public Scores score(Inference inference, int task) {
    requireOpen();
    return tasks.get(task).score(inference.finding(task), null);
  }

  /**
   * As {@link #score(Inference, int)}, by the canary where there is one and the key is among those
   * it serves.
   */
  public Scores score(Inference inference, int task, byte[] key) {
    requireOpen();
    return tasks.get(task).score(inference.finding(task), key);
  }

  /** Bytes that no head like this one exceeds; any number where it is for no task here. */
  public long largest(HeadInfo head) {
    return bundle.tasks().stream()
        .filter(task -> task.name().equals(head.task()))
        .filter(task -> task.fingerprint().equals(head.backbone()))
        .mapToLong(task -> new HeadCheck(task).largest(head.labels().size()))
        .findFirst()
        .orElse(Long.MAX_VALUE);
  }

  /**
   * Checks a head, warms it and puts it live. In whose order versions come is not asked here.
   *
   * @throws RefusedHeadException where it must not serve; the live one goes on
   */
  public void install(Head head) throws RefusedHeadException {
    task(head.info().task()).install(head);
  }

  /**
   * Lets another head than the live one serve a share of the keys, the same keys for as long as it
   * does.
   *
   * @param share of the keys, in (0, 1)
   * @throws RefusedHeadException where it must not serve; nothing changes
   */
  public void canary(Head candidate, double share) throws RefusedHeadException {
    task(candidate.info().task()).canary(candidate, share);
  }

  /** The task's live head serves all keys. */
  public void endCanary(String task) {
    tasks.stream().filter(t -> t.name().equals(task)).forEach(TaskScorer::endCanary);
  }

  private TaskScorer task(String name) throws RefusedHeadException {
    for (TaskScorer task : tasks) {
      if (task.name().equals(name)) {
        return task;
      }
    }
    throw new RefusedHeadException(
        RefusedHeadException.Cause.FOREIGN,
        "it is for task %s, not for one of %s"
            .formatted(name, bundle.tasks().stream().map(Task::name).toList()));
  }

  /** The live heads by task; a cold start has none. */
  public Map<String, HeadInfo> live() {
    Map<String, HeadInfo> live = new LinkedHashMap<>();
    for (TaskScorer task : tasks) {
      task.live().ifPresent(info -> live.put(task.name(), info));
    }
    return live;
  }

  /**
   * Heads in native memory: one a task, and one more each with comparison and a canary; more for as
   * long as one is in use.
   */
  public int loadedHeads() {
    return tasks.stream().mapToInt(TaskScorer::loaded).sum();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("scoring is closed");
    }
  }

  /** Cancels what has not begun, waits for what has, and frees the native memory. */
  @Override
  public void close() {
    closed = true;
    for (Runnable work : pool.shutdownNow()) {
      ((Poll.Work) work).cancel();
    }
    tasks.forEach(TaskScorer::close);
    // waits for the runs in progress
    backbone.close();
  }
}

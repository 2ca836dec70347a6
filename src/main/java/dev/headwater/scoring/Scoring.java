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
import dev.headwater.schema.RejectedHeadException;
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
 * Scores records with the frozen backbone of a bundle and the live heads. Thread-safe.
 *
 * <p>Failure contract: an invalid record fails alone with an {@link InvalidRecordException},
 * whatever batch it was in. A head that must not serve is rejected and the live head is kept. After
 * {@link #close}, every call fails with an unchecked exception.
 */
public final class Scoring implements AutoCloseable {
  private static final Duration MAX_WAIT = Duration.ofSeconds(1);

  private final Bundle bundle;
  private final ValueReader values;
  private final ScoringSettings settings;
  private final ScorerMetrics metrics;
  private final Session backbone;
  private final List<TaskScorer> tasks = new ArrayList<>();
  private final ExecutorService pool;
  private final BatchSizer batchSizer;
  private volatile boolean closed;

  private Scoring(
      Bundle bundle, ValueReader values, ScoringSettings settings, ScorerMetrics metrics) {
    this.bundle = bundle;
    this.values = values;
    this.settings = settings;
    this.metrics = metrics;
    batchSizer = new BatchSizer(settings.batchSize());
    backbone = Session.load("backbone", bundle.backbone(), settings.intraOpThreads());
    AtomicInteger number = new AtomicInteger();
    pool =
        Executors.newFixedThreadPool(
            settings.threads(),
            task -> {
              Thread thread = new Thread(task, "headwater-inference-" + number.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Loads the scoring of JSON records, or of the plain bytes that the bundle accepts. */
  public static Scoring load(Bundle bundle, ScoringSettings settings, ScorerMetrics metrics) {
    return load(bundle, ValueReader.JSON, settings, metrics);
  }

  /**
   * Loads the backbone and the initial heads of the bundle, if it has any.
   *
   * @param values reads fields from record values
   * @throws IllegalArgumentException if ONNX Runtime cannot run the model of the bundle
   * @throws java.io.UncheckedIOException if temporary files cannot be written
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
   * Decodes records and runs inference on the pool, in batches of similar length.
   *
   * @param values record values; elements may be null
   * @return one future per value, in the same order. An invalid record fails with an {@link
   *     InvalidRecordException}. Records that are unfinished when scoring is closed fail with a
   *     {@code CancellationException}
   */
  public List<CompletableFuture<Inference>> submit(List<byte[]> values) {
    return new InferenceBatch(this, pool, settings.batchSize(), values).start(settings.threads());
  }

  /** Runs inference for one record on the caller's thread. */
  public Inference infer(byte @Nullable [] value) throws InvalidRecordException {
    return infer(decode(value));
  }

  /**
   * Waits for a result of {@link #submit}. If the computation failed for a reason other than the
   * record, or takes more than a second, it is computed on the caller's thread instead. The bound
   * matters because the pool runs long records first, and a caller that waits for a short one may
   * hold a transaction open.
   */
  public Inference await(CompletableFuture<Inference> pending, byte @Nullable [] value)
      throws InvalidRecordException {
    try {
      return pending.get(MAX_WAIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for inference", e);
    } catch (TimeoutException e) {
      Inference inference = infer(value);
      pending.complete(inference);
      return inference;
    } catch (ExecutionException | CancellationException e) {
      if (e.getCause() instanceof InvalidRecordException invalid) {
        throw invalid;
      }
      // the batch or the pool failed, which may not be the fault of this record: retry it alone
      return infer(value);
    }
  }

  /** Returns the id in a record value; null if it has none. */
  public @Nullable String recordId(byte @Nullable [] value) throws InvalidRecordException {
    return decode(value).recordId();
  }

  Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return bundle.decoder().decode(values, value);
  }

  /** Returns whether records vary in length, so that batches need sorting. */
  boolean hasVariableLength() {
    return !bundle.decoder().sameLength();
  }

  /** Returns the batch size for records of equal length. */
  int batchSize() {
    return batchSizer.batchSize();
  }

  /** Returns the number of consecutive records to sort by length together. */
  int sortWindow() {
    return batchSizer.recordsPerSecond(settings.threads());
  }

  /** Runs inference for one record. A failure of the model is a failure of the record. */
  Inference infer(Decoded record) throws InvalidRecordException {
    try {
      return infer(List.of(record)).get(0).requireFinite();
    } catch (OrtException e) {
      throw new InvalidRecordException(
          "value", "the model failed on this input: " + e.getMessage(), record.recordId());
    }
  }

  /** Runs one batch through the model. Does not check that features are finite. */
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
    long tokens = 0;
    for (Decoded record : batch) {
      int length = record.input().length();
      longest = Math.max(longest, length);
      tokens += length;
    }
    long positions = (long) bundle.decoder().padded(longest) * batch.size();
    batchSizer.record(batch.size(), nanos);
    metrics.recordBatch(batch.size(), positions, positions - tokens, Duration.ofNanos(nanos));
  }

  void recordStage(ScorerMetrics.Stage stage, long nanos) {
    metrics.recordStage(stage, nanos);
  }

  private List<Inference> infer(List<Decoded> batch, Features features) throws OrtException {
    List<List<Inference.Finding>> byTask = new ArrayList<>(tasks.size());
    for (TaskScorer task : tasks) {
      byTask.add(task.infer(features));
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
   * Returns the scores of the current live head of a task. If the head was swapped since the
   * inference, the new head is applied to the features; the backbone does not run again.
   *
   * @param task index of the task in the bundle
   */
  public Scores score(Inference inference, int task) {
    requireOpen();
    return tasks.get(task).score(inference.finding(task), null);
  }

  /**
   * As {@link #score(Inference, int)}, but uses the canary head if there is one and it serves this
   * key.
   */
  public Scores score(Inference inference, int task, byte[] key) {
    requireOpen();
    return tasks.get(task).score(inference.finding(task), key);
  }

  /** Returns the maximum size of such a head in bytes; no limit if its task is not served here. */
  public long largest(HeadInfo head) {
    return bundle.tasks().stream()
        .filter(task -> task.name().equals(head.task()))
        .filter(task -> task.fingerprint().equals(head.backbone()))
        .mapToLong(task -> new HeadCheck(task).largest(head.labels().size()))
        .findFirst()
        .orElse(Long.MAX_VALUE);
  }

  /**
   * Validates and warms up a head, and makes it live. Does not check the order of versions.
   *
   * @throws RejectedHeadException if it must not serve; the live head is kept
   */
  public void install(Head head) throws RejectedHeadException {
    task(head.info().task()).install(head);
  }

  /**
   * Lets a canary head serve a fraction of the keys; the set of keys does not change while it
   * serves.
   *
   * @param share fraction of the keys, in (0, 1)
   * @throws RejectedHeadException if it must not serve; nothing changes
   */
  public void canary(Head candidate, double share) throws RejectedHeadException {
    task(candidate.info().task()).canary(candidate, share);
  }

  /** Ends the canary of a task: its live head serves all keys again. */
  public void endCanary(String task) {
    tasks.stream().filter(t -> t.name().equals(task)).forEach(TaskScorer::endCanary);
  }

  private TaskScorer task(String name) throws RejectedHeadException {
    for (TaskScorer task : tasks) {
      if (task.name().equals(name)) {
        return task;
      }
    }
    throw new RejectedHeadException(
        RejectedHeadException.Cause.FOREIGN,
        "The head belongs to task %s; the bundle has tasks %s."
            .formatted(name, bundle.tasks().stream().map(Task::name).toList()));
  }

  /** Returns the live heads by task; tasks in a cold start are absent. */
  public Map<String, HeadInfo> live() {
    Map<String, HeadInfo> live = new LinkedHashMap<>();
    for (TaskScorer task : tasks) {
      task.live().ifPresent(info -> live.put(task.name(), info));
    }
    return live;
  }

  /**
   * Returns the number of heads in native memory: one per task, plus one each for the frozen head
   * and a canary. Replaced heads count until their last user is done.
   */
  public int loadedHeads() {
    return tasks.stream().mapToInt(TaskScorer::loaded).sum();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("scoring is closed");
    }
  }

  /** Cancels pending work, waits for running work, and frees the native memory. */
  @Override
  public void close() {
    closed = true;
    for (Runnable step : pool.shutdownNow()) {
      ((InferenceBatch.Step) step).cancel();
    }
    tasks.forEach(TaskScorer::close);
    // waits for running batches
    backbone.close();
  }
}

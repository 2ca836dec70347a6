package dev.headwater.scoring;

import ai.onnxruntime.OrtException;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Decodes and infers the records of one poll on the pool.
 *
 * <p>Records are decoded in chunks. Records of variable length are then sorted by length, within
 * windows of about one second of work, and run in model batches of similar length. Long records run
 * first, because the caller takes results in order with a transaction open. Records of equal length
 * need no sorting, so each chunk is one model batch and does not wait for other chunks.
 */
final class InferenceBatch {
  private static final int CHUNKS_PER_THREAD = 4;
  private static final int MIN_CHUNK = 16;

  private final Scoring scoring;
  private final Executor pool;
  private final int batchSize;
  private final List<byte[]> values;
  private final List<CompletableFuture<Inference>> futures;
  private final @Nullable Decoded[] decoded;
  private final long startNanos = System.nanoTime();
  private final AtomicInteger pendingChunks = new AtomicInteger();

  InferenceBatch(Scoring scoring, Executor pool, int batchSize, List<byte[]> values) {
    this.scoring = scoring;
    this.pool = pool;
    this.batchSize = batchSize;
    this.values = values;
    decoded = new Decoded[values.size()];
    futures = values.stream().map(v -> new CompletableFuture<Inference>()).toList();
  }

  List<CompletableFuture<Inference>> start(int threads) {
    int chunk = Math.max(MIN_CHUNK, values.size() / (threads * CHUNKS_PER_THREAD) + 1);
    int size = scoring.hasVariableLength() ? chunk : Math.min(scoring.batchSize(), chunk);
    List<Step> chunks = new ArrayList<>();
    for (int from = 0; from < values.size(); from += size) {
      int to = Math.min(from + size, values.size());
      List<Integer> records = IntStream.range(from, to).boxed().toList();
      chunks.add(new Step(() -> decode(records)));
    }
    pendingChunks.set(chunks.size());
    chunks.forEach(this::execute);
    return futures;
  }

  /** One unit of work on the pool, for some of the records. */
  final class Step implements Runnable {
    private final Runnable action;

    private Step(Runnable action) {
      this.action = action;
    }

    @Override
    public void run() {
      try {
        action.run();
      } catch (Throwable e) {
        // callers must see the failure, even an OutOfMemoryError; later steps may depend on this
        // one, so all unfinished records fail
        futures.forEach(future -> future.completeExceptionally(e));
        throw e;
      }
    }

    /** Fails all unfinished records: this step and those that depend on it will not run. */
    void cancel() {
      CancellationException closed = new CancellationException("scoring was closed");
      futures.forEach(future -> future.completeExceptionally(closed));
    }
  }

  private void execute(Step step) {
    try {
      pool.execute(step);
    } catch (RejectedExecutionException e) {
      // the pool rejects only after it was closed
      step.cancel();
    }
  }

  private void decode(List<Integer> records) {
    long start = System.nanoTime();
    for (int i : records) {
      try {
        decoded[i] = scoring.decode(values.get(i));
      } catch (InvalidRecordException | RuntimeException e) {
        // only this record fails
        futures.get(i).completeExceptionally(e);
      }
    }
    scoring.recordStage(ScorerMetrics.Stage.DECODE, System.nanoTime() - start);
    if (!scoring.hasVariableLength()) {
      infer(records);
    } else if (pendingChunks.decrementAndGet() == 0) {
      dispatch();
    }
  }

  private void dispatch() {
    int size = scoring.sortWindow();
    for (int from = 0; from < decoded.length; from += size) {
      dispatch(from, Math.min(decoded.length, from + size));
    }
  }

  private void dispatch(int first, int last) {
    List<Integer> order =
        IntStream.range(first, last)
            .filter(i -> !futures.get(i).isDone())
            .boxed()
            .sorted(Comparator.comparingInt((Integer i) -> record(i).input().length()).reversed())
            .toList();
    int[] lengths = order.stream().mapToInt(i -> record(i).input().length()).toArray();
    int from = 0;
    for (int end : Batches.ends(lengths, batchSize)) {
      List<Integer> batch = order.subList(from, end);
      execute(new Step(() -> infer(batch)));
      from = end;
    }
  }

  @SuppressWarnings("NullAway") // records without a failure have been decoded
  private Decoded record(int i) {
    return decoded[i];
  }

  private void infer(List<Integer> records) {
    // a caller whose wait timed out may have computed it
    List<Integer> batch = records.stream().filter(i -> !futures.get(i).isDone()).toList();
    if (!batch.isEmpty()) {
      inferAll(batch);
    }
    // free the model inputs early: they are large, and a poll has up to a thousand records
    records.forEach(i -> decoded[i] = null);
  }

  private void inferAll(List<Integer> batch) {
    scoring.recordStage(ScorerMetrics.Stage.QUEUE, System.nanoTime() - startNanos);
    try {
      List<Inference> inferences = scoring.infer(batch.stream().map(this::record).toList());
      for (int i = 0; i < batch.size(); i++) {
        Inference inference = inferences.get(i);
        complete(batch.get(i), inference::requireFinite);
      }
    } catch (OrtException | RuntimeException e) {
      // one record can fail the whole batch: retry each record alone
      batch.forEach(i -> complete(i, () -> scoring.infer(record(i))));
    }
  }

  private void complete(int i, Attempt attempt) {
    try {
      futures.get(i).complete(attempt.get());
    } catch (InvalidRecordException | RuntimeException e) {
      futures.get(i).completeExceptionally(e);
    }
  }

  private interface Attempt {
    Inference get() throws InvalidRecordException;
  }
}

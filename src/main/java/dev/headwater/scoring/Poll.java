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
 * The records of one poll on their way through the pool: decoded in chunks, then, as many as take a
 * second, sorted by length and run in batches of records of like length, the long ones first: who
 * asks for them in turn may have a transaction open. Where all are of one length there is nothing
 * to sort, and a chunk is a batch that waits for no other.
 */
final class Poll {
  private static final int CHUNKS_A_THREAD = 4;
  private static final int SMALLEST_CHUNK = 16;

  private final Scoring scoring;
  private final Executor pool;
  private final int batchSize;
  private final List<byte[]> values;
  private final List<CompletableFuture<Inference>> futures;
  private final @Nullable Decoded[] decoded;
  private final long began = System.nanoTime();
  private final AtomicInteger undecoded = new AtomicInteger();

  Poll(Scoring scoring, Executor pool, int batchSize, List<byte[]> values) {
    this.scoring = scoring;
    this.pool = pool;
    this.batchSize = batchSize;
    this.values = values;
    decoded = new Decoded[values.size()];
    futures = values.stream().map(v -> new CompletableFuture<Inference>()).toList();
  }

  List<CompletableFuture<Inference>> start(int threads) {
    int chunk = Math.max(SMALLEST_CHUNK, values.size() / (threads * CHUNKS_A_THREAD) + 1);
    int size = scoring.sorts() ? chunk : Math.min(scoring.runLength(), chunk);
    List<Work> chunks = new ArrayList<>();
    for (int from = 0; from < values.size(); from += size) {
      int to = Math.min(from + size, values.size());
      List<Integer> records = IntStream.range(from, to).boxed().toList();
      chunks.add(new Work(() -> decode(records)));
    }
    undecoded.set(chunks.size());
    chunks.forEach(this::execute);
    return futures;
  }

  /** A step for some of the records. */
  final class Work implements Runnable {
    private final Runnable step;

    private Work(Runnable step) {
      this.step = step;
    }

    @Override
    public void run() {
      try {
        step.run();
      } catch (Throwable e) {
        // whoever waits for the records must learn of it, even of an OutOfMemoryError; later steps
        // may depend on this one, so all that are not done fail
        futures.forEach(future -> future.completeExceptionally(e));
        throw e;
      }
    }

    /** Fails the records not done yet: this step, and so those after it, will not be taken. */
    void cancel() {
      CancellationException closed = new CancellationException("scoring was closed");
      futures.forEach(future -> future.completeExceptionally(closed));
    }
  }

  private void execute(Work work) {
    try {
      pool.execute(work);
    } catch (RejectedExecutionException e) {
      // the pool only rejects once it is closed
      work.cancel();
    }
  }

  private void decode(List<Integer> records) {
    long start = System.nanoTime();
    for (int i : records) {
      try {
        decoded[i] = scoring.decode(values.get(i));
      } catch (InvalidRecordException | RuntimeException e) {
        // its own failure: the neighbours go on
        futures.get(i).completeExceptionally(e);
      }
    }
    scoring.passed(ScorerMetrics.Stage.DECODE, System.nanoTime() - start);
    if (!scoring.sorts()) {
      infer(records);
    } else if (undecoded.decrementAndGet() == 0) {
      dispatch();
    }
  }

  private void dispatch() {
    int size = scoring.sorted();
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
      execute(new Work(() -> infer(batch)));
      from = end;
    }
  }

  @SuppressWarnings("NullAway") // a record without failure has been decoded
  private Decoded record(int i) {
    return decoded[i];
  }

  private void infer(List<Integer> records) {
    // somebody may have lost patience and done it
    List<Integer> batch = records.stream().filter(i -> !futures.get(i).isDone()).toList();
    if (!batch.isEmpty()) {
      inferAll(batch);
    }
    // what it was decoded to is as large as the network's input, and a poll has a thousand
    records.forEach(i -> decoded[i] = null);
  }

  private void inferAll(List<Integer> batch) {
    scoring.passed(ScorerMetrics.Stage.QUEUE, System.nanoTime() - began);
    try {
      List<Inference> inferences = scoring.infer(batch.stream().map(this::record).toList());
      for (int i = 0; i < batch.size(); i++) {
        Inference inference = inferences.get(i);
        settle(batch.get(i), inference::requireFinite);
      }
    } catch (OrtException | RuntimeException e) {
      // one record can fail a batch, so each gets its own chance; it fails by itself or not at all
      batch.forEach(i -> settle(i, () -> scoring.infer(record(i))));
    }
  }

  private void settle(int i, Attempt attempt) {
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

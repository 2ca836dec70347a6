package dev.headwater.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.ModelInput;
import dev.headwater.bundle.RecordDecoder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * The raw limit: ONNX Runtime through its Java API on inputs prepared in memory. Batches are sorted
 * by length, with the best batch size and thread split. Nothing is read, decoded or written.
 */
final class Raw implements AutoCloseable {
  static final String NAME = "raw";
  private static final long TIMEOUT_SECONDS = 60;
  private static final List<Integer> BATCH_SIZES = List.of(1, 8, 32, 128, 512);

  private final Network network;
  private final RecordDecoder decoder;
  private final List<Decoded> records;
  private final List<Integer> order;
  private final int threads;
  private final Map<Integer, OrtSession> sessions = new HashMap<>();
  private Setting best = new Setting(1, 1, 1);

  /** Batch size, pool threads, and ONNX Runtime intra-op threads of each. */
  record Setting(int batchSize, int threads, int intraOpThreads) {}

  /**
   * A batch of records.
   *
   * @param rows indexes of the records
   */
  private record Batch(List<Integer> rows, List<ModelInput> inputs) {}

  /**
   * Creates the baseline.
   *
   * @param records distinct records
   * @param threads total number of threads
   */
  Raw(Network network, RecordDecoder decoder, List<Decoded> records, int threads) {
    this.network = network;
    this.decoder = decoder;
    this.records = records;
    this.threads = threads;
    order =
        IntStream.range(0, records.size())
            .boxed()
            .sorted(Comparator.comparingInt(i -> records.get(i).input().length()))
            .toList();
  }

  /**
   * Tries all settings and keeps the best.
   *
   * @param seconds measured time per setting, after a warm-up of half of it
   */
  Setting tune(double seconds) throws Exception {
    double fastest = 0;
    for (int size : BATCH_SIZES) {
      List<Batch> batches = batches(size);
      for (int intra = 1; intra <= threads; intra++) {
        if (threads % intra == 0) {
          Setting setting = new Setting(size, threads / intra, intra);
          pass(setting, batches, seconds / 2, new String[records.size()]);
          double rate =
              pass(setting, batches, seconds, new String[records.size()]).recordsPerSecond();
          if (rate > fastest) {
            fastest = rate;
            best = setting;
          }
        }
      }
    }
    return best;
  }

  /**
   * Measures the best setting.
   *
   * @param seconds measured time, after a warm-up of a fifth of it; every record runs at least once
   */
  Measured run(double seconds) throws Exception {
    List<Batch> batches = batches(best.batchSize());
    String[] labels = new String[records.size()];
    pass(best, batches, seconds / 5, labels);
    return pass(best, batches, seconds, labels);
  }

  private List<Batch> batches(int size) {
    List<Batch> batches = new ArrayList<>();
    for (int from = 0; from < order.size(); from += size) {
      List<Integer> rows = order.subList(from, Math.min(from + size, order.size()));
      batches.add(new Batch(rows, decoder.batch(rows.stream().map(records::get).toList())));
    }
    return batches;
  }

  /** Runs the batches in a cycle until the time is up, each at least once. */
  private Measured pass(Setting setting, List<Batch> batches, double seconds, String[] labels)
      throws OrtException, InterruptedException, ExecutionException {
    OrtSession session = session(setting.intraOpThreads());
    String output = network.output(session);
    AtomicLong next = new AtomicLong();
    AtomicLong done = new AtomicLong();
    Meter.Reading from = Meter.read();
    long deadline = from.nanos() + (long) (seconds * 1e9);
    ExecutorService pool = Executors.newFixedThreadPool(setting.threads());
    try {
      List<Future<?>> workers = new ArrayList<>();
      for (int t = 0; t < setting.threads(); t++) {
        workers.add(
            pool.submit(
                () -> {
                  long i = next.getAndIncrement();
                  while ((i < batches.size() || System.nanoTime() < deadline)
                      && !Thread.currentThread().isInterrupted()) {
                    Batch batch = batches.get((int) (i % batches.size()));
                    run(session, output, batch, labels);
                    done.addAndGet(batch.rows().size());
                    i = next.getAndIncrement();
                  }
                  return null;
                }));
      }
      for (Future<?> worker : workers) {
        worker.get();
      }
      // read before the workers end: their allocation counters are lost then
      return Measured.between(from, Meter.read(), done.get(), Arrays.asList(labels));
    } finally {
      shutDown(pool);
    }
  }

  /** Waits for runs in progress: closing a session during a run crashes the process. */
  private static void shutDown(ExecutorService pool) throws InterruptedException {
    pool.shutdownNow();
    if (!pool.awaitTermination(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      throw new IllegalStateException(
          "ONNX Runtime run did not end within %d s".formatted(TIMEOUT_SECONDS));
    }
  }

  private void run(OrtSession session, String output, Batch batch, String[] labels)
      throws OrtException {
    Map<String, OnnxTensor> tensors = new HashMap<>();
    try {
      for (ModelInput input : batch.inputs()) {
        tensors.put(input.name(), tensor(input));
      }
      try (OrtSession.Result result = session.run(tensors, Set.of(output))) {
        FloatBuffer scores = ((OnnxTensor) result.get(0)).getFloatBuffer();
        int classes = network.labels().size();
        for (int row = 0; row < batch.rows().size(); row++) {
          labels[batch.rows().get(row)] =
              network.labels().get(best(scores, row * classes, classes));
        }
      }
    } finally {
      tensors.values().forEach(OnnxTensor::close);
    }
  }

  private static int best(FloatBuffer scores, int from, int classes) {
    int best = 0;
    for (int i = 1; i < classes; i++) {
      if (scores.get(from + i) > scores.get(from + best)) {
        best = i;
      }
    }
    return best;
  }

  private static OnnxTensor tensor(ModelInput input) throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    return input.data() instanceof FloatBuffer floats
        ? OnnxTensor.createTensor(environment, floats, input.shape())
        : OnnxTensor.createTensor(environment, (LongBuffer) input.data(), input.shape());
  }

  private OrtSession session(int intraOpThreads) throws OrtException {
    OrtSession session = sessions.get(intraOpThreads);
    if (session == null) {
      session = network.session(intraOpThreads);
      sessions.put(intraOpThreads, session);
    }
    return session;
  }

  @Override
  public void close() throws OrtException {
    for (OrtSession session : sessions.values()) {
      session.close();
    }
  }
}

package dev.headwater.scoring;

import ai.onnxruntime.OrtException;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RefusedHeadException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Scores records with the bundle's frozen backbone and the head that is live. Thread-safe.
 *
 * <p>Failure contract: a record that can never be scored fails alone, with an {@link
 * InvalidRecordException}, whatever batch it was in. A head that must not serve is refused and the
 * live one goes on. After {@link #close} everything fails with an unchecked exception.
 */
public final class Scoring implements AutoCloseable {
  private final Bundle bundle;
  private final ScoringSettings settings;
  private final ScorerMetrics metrics;
  private final Network network;
  private final LiveHeads heads;
  private final ExecutorService pool;
  private volatile boolean closed;

  private Scoring(Bundle bundle, ScoringSettings settings, ScorerMetrics metrics) {
    this.bundle = bundle;
    this.settings = settings;
    this.metrics = metrics;
    network = new Network(bundle.split(), settings.intraOpThreads());
    heads = new LiveHeads(bundle, network, settings, metrics);
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

  /**
   * Loads both halves of the network and puts the bundle's own head live, if it brings one.
   *
   * @throws IllegalArgumentException where ONNX Runtime cannot run the bundle's network
   */
  public static Scoring load(Bundle bundle, ScoringSettings settings, ScorerMetrics metrics) {
    Scoring scoring = new Scoring(bundle, settings, metrics);
    try {
      if (bundle.head().isPresent()) {
        scoring.install(bundle.head().get());
      }
      return scoring;
    } catch (RefusedHeadException e) {
      scoring.close();
      throw new IllegalArgumentException(
          "the head of bundle " + bundle.name() + " cannot serve: " + e.getMessage(), e);
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

  Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return bundle.decoder().decode(value);
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
    LoadedHead live = heads.takeLive();
    LoadedHead frozen = heads.takeFrozen();
    try {
      long start = System.nanoTime();
      List<LoadedHead> asked = Stream.of(live, frozen).filter(Objects::nonNull).distinct().toList();
      Network.Batch result = network.run(bundle.decoder().batch(batch), asked);
      metrics.inferred(batch.size(), Duration.ofNanos(System.nanoTime() - start));
      List<Inference> inferences = new ArrayList<>(batch.size());
      for (int i = 0; i < batch.size(); i++) {
        inferences.add(
            new Inference(
                batch.get(i),
                result.features()[i],
                result.logits(asked.indexOf(live), i),
                result.logits(asked.indexOf(frozen), i)));
      }
      return inferences;
    } finally {
      release(live);
      release(frozen);
    }
  }

  /**
   * What the head live now says. Where it is not the one that was live at the inference, it is
   * applied to the features; the backbone does not run again.
   */
  public Scores score(Inference inference) {
    requireOpen();
    LoadedHead live = heads.takeLive();
    LoadedHead frozen = heads.takeFrozen();
    try {
      if (live == null) {
        return Scores.none();
      }
      Logits now = logits(live, inference, inference.live());
      return Scores.of(
          now,
          frozen == null
              ? null
              : logits(frozen, inference, frozen == live ? now : inference.frozen()));
    } catch (OrtException e) {
      throw new IllegalStateException("the live head does not run on features it fits: " + e, e);
    } finally {
      release(live);
      release(frozen);
    }
  }

  private Logits logits(LoadedHead head, Inference inference, @Nullable Logits known)
      throws OrtException {
    return known != null && known.serial() == head.serial()
        ? known
        : network.logits(head, inference.features())[0];
  }

  private static void release(@Nullable LoadedHead head) {
    if (head != null) {
      head.release();
    }
  }

  /**
   * Checks a head, warms it and puts it live. In whose order versions come is not asked here.
   *
   * @throws RefusedHeadException where it must not serve; the live one goes on
   */
  public void install(Head head) throws RefusedHeadException {
    heads.install(head);
  }

  /** The live head, empty in a cold start. */
  public Optional<HeadInfo> live() {
    return Optional.ofNullable(heads.info());
  }

  /** Heads in native memory: one, or two with comparison; more for as long as one is in use. */
  public int loadedHeads() {
    return heads.loaded();
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
    heads.close();
    // waits for the runs in progress
    network.close();
  }
}

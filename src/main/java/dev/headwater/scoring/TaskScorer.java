package dev.headwater.scoring;

import ai.onnxruntime.OrtException;
import dev.headwater.bundle.Task;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RejectedHeadException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Scores one task: runs its heads on the shared features and swaps them. Thread-safe. */
final class TaskScorer implements AutoCloseable {
  private final HeadGraph graph;
  private final LiveHeads heads;

  private TaskScorer(HeadGraph graph, LiveHeads heads) {
    this.graph = graph;
    this.heads = heads;
  }

  /**
   * Loads the head graph and the initial head of the bundle, if it has one for the task.
   *
   * @throws IllegalArgumentException if ONNX Runtime cannot run the head
   */
  static TaskScorer load(Task task, ScoringSettings settings, ScorerMetrics metrics) {
    HeadGraph graph = new HeadGraph(task, settings.intraOpThreads());
    TaskScorer scorer = new TaskScorer(graph, new LiveHeads(graph, settings, metrics));
    boolean loaded = false;
    try {
      if (task.head().isPresent()) {
        scorer.install(task.head().get());
      }
      loaded = true;
      return scorer;
    } catch (RejectedHeadException e) {
      throw new IllegalArgumentException(
          "the bundle's head for task " + task.name() + " cannot serve: " + e.getMessage(), e);
    } finally {
      if (!loaded) {
        scorer.close();
      }
    }
  }

  String name() {
    return graph.task().name();
  }

  /** Runs the live and the frozen head on every record of a backbone run. */
  List<Inference.Finding> infer(Features features) throws OrtException {
    LoadedHead live = heads.acquireLive();
    LoadedHead frozen = heads.acquireFrozen();
    try {
      float[][] rows = features.rows(graph.task().split().features(), graph.task().featureSize());
      Logits[] liveLogits = live == null ? new Logits[rows.length] : graph.logits(live, features);
      Logits[] frozenLogits =
          frozen == null
              ? new Logits[rows.length]
              : frozen == live ? liveLogits : graph.logits(frozen, features);
      List<Inference.Finding> findings = new ArrayList<>(rows.length);
      for (int i = 0; i < rows.length; i++) {
        findings.add(new Inference.Finding(rows[i], liveLogits[i], frozenLogits[i]));
      }
      return findings;
    } finally {
      LiveHeads.release(live);
      LiveHeads.release(frozen);
    }
  }

  /**
   * Returns the scores of the head that currently serves this key.
   *
   * @param key record key, which selects canary or live head; null selects the live head
   */
  Scores score(Inference.Finding finding, byte @Nullable [] key) {
    LoadedHead live = key == null ? heads.acquireLive() : heads.acquireFor(key);
    LoadedHead frozen = heads.acquireFrozen();
    try {
      if (live == null) {
        return Scores.none();
      }
      Logits current = logits(live, finding, finding.live());
      Logits baseline =
          frozen == null
              ? null
              : logits(frozen, finding, frozen == live ? current : finding.frozen());
      return graph.task().tiling().isPresent()
          ? Scores.dense(current, baseline)
          : Scores.of(graph.task().kind(), current, baseline);
    } catch (OrtException e) {
      throw new IllegalStateException(
          "the live head fails on features of the right shape: " + e, e);
    } finally {
      LiveHeads.release(live);
      LiveHeads.release(frozen);
    }
  }

  private Logits logits(LoadedHead head, Inference.Finding finding, @Nullable Logits known)
      throws OrtException {
    return known != null && known.serial() == head.serial()
        ? known
        : graph.logits(head, finding.features())[0];
  }

  void install(Head head) throws RejectedHeadException {
    heads.install(head);
  }

  void canary(Head head, double share) throws RejectedHeadException {
    heads.canary(head, share);
  }

  void endCanary() {
    heads.endCanary();
  }

  /** Returns the live head; empty in a cold start. */
  Optional<HeadInfo> live() {
    return Optional.ofNullable(heads.info());
  }

  /** Returns the number of heads in native memory. */
  int loaded() {
    return graph.loaded();
  }

  @Override
  public void close() {
    heads.close();
    // waits for running batches
    graph.close();
  }
}

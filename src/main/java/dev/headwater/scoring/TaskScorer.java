package dev.headwater.scoring;

import ai.onnxruntime.OrtException;
import dev.headwater.bundle.Task;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RefusedHeadException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One task over the features the tasks share: its live head asked, swapped, asked again. */
final class TaskScorer implements AutoCloseable {
  private final HeadGraph graph;
  private final LiveHeads heads;

  private TaskScorer(HeadGraph graph, LiveHeads heads) {
    this.graph = graph;
    this.heads = heads;
  }

  /**
   * Puts the bundle's own head live, if it brings one for the task.
   *
   * @throws IllegalArgumentException where ONNX Runtime cannot run the head
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
    } catch (RefusedHeadException e) {
      throw new IllegalArgumentException(
          "the bundle's own head for " + task.name() + " cannot serve: " + e.getMessage(), e);
    } finally {
      if (!loaded) {
        scorer.close();
      }
    }
  }

  String name() {
    return graph.task().name();
  }

  /** Asks for every record of a run. */
  List<Inference.Finding> find(Features at) throws OrtException {
    LoadedHead live = heads.takeLive();
    LoadedHead frozen = heads.takeFrozen();
    try {
      float[][] rows = at.rows(graph.task().split().features(), graph.task().featureSize());
      Logits[] now = live == null ? new Logits[rows.length] : graph.logits(live, at);
      Logits[] then =
          frozen == null
              ? new Logits[rows.length]
              : frozen == live ? now : graph.logits(frozen, at);
      List<Inference.Finding> findings = new ArrayList<>(rows.length);
      for (int i = 0; i < rows.length; i++) {
        findings.add(new Inference.Finding(rows[i], now[i], then[i]));
      }
      return findings;
    } finally {
      LiveHeads.release(live);
      LiveHeads.release(frozen);
    }
  }

  /**
   * What the head says that answers for this key now.
   *
   * @param key null for the live head
   */
  Scores score(Inference.Finding finding, byte @Nullable [] key) {
    LoadedHead live = key == null ? heads.takeLive() : heads.takeFor(key);
    LoadedHead frozen = heads.takeFrozen();
    try {
      if (live == null) {
        return Scores.none();
      }
      Logits now = logits(live, finding, finding.live());
      Logits then =
          frozen == null ? null : logits(frozen, finding, frozen == live ? now : finding.frozen());
      return graph.task().tiling().isPresent()
          ? Scores.dense(now, then)
          : Scores.of(graph.task().kind(), now, then);
    } catch (OrtException e) {
      throw new IllegalStateException("the live head does not run on features it fits: " + e, e);
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

  void install(Head head) throws RefusedHeadException {
    heads.install(head);
  }

  void canary(Head head, double share) throws RefusedHeadException {
    heads.canary(head, share);
  }

  void endCanary() {
    heads.endCanary();
  }

  /** Empty in a cold start. */
  Optional<HeadInfo> live() {
    return Optional.ofNullable(heads.info());
  }

  /** Heads in native memory. */
  int loaded() {
    return graph.loaded();
  }

  @Override
  public void close() {
    heads.close();
    // waits for the runs in progress
    graph.close();
  }
}

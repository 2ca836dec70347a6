package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SwapTest {
  private static final int SWAPS = 1000;

  @TempDir Path directory;

  /** Version v has 2 + v % 3 labels and is sure of label v % 2, by a margin only v has. */
  private static float[] logits(long version) {
    float[] logits = new float[2 + (int) (version % 3)];
    logits[(int) (version % 2)] = 1 + version / 100f;
    return logits;
  }

  @Test
  void everyScoreIsMadeWhollyByTheHeadItNames() throws Exception {
    Bundle bundle = Bundles.text(directory, 16, 3);
    ScoringSettings settings = new ScoringSettings(2, 1, 4, true);
    try (Scoring scoring = Scoring.load(bundle, settings, ScorerMetrics.NOOP)) {
      scoring.install(Heads.constant(bundle, 1, logits(1)));
      AtomicBoolean swapping = new AtomicBoolean(true);
      Set<Long> seen = new ConcurrentSkipListSet<>();
      ExecutorService users = Executors.newFixedThreadPool(3);
      List<Future<Integer>> scored = new ArrayList<>();
      for (int user = 0; user < 3; user++) {
        Callable<Integer> use = () -> scoreWhile(swapping, scoring, seen);
        scored.add(users.submit(use));
      }

      for (long version = 2; version <= SWAPS; version++) {
        scoring.install(Heads.constant(bundle, version, logits(version)));
      }
      swapping.set(false);

      for (Future<Integer> wrong : scored) {
        assertThat(wrong.get()).as("scores that are not of the version they name").isZero();
      }
      users.shutdown();
      assertThat(seen).as("swaps took effect while scoring went on").hasSizeGreaterThan(10);
      assertThat(scoring.loadedHeads()).as("the live one and the frozen one").isEqualTo(2);
    }
  }

  /**
   * Or a record that is scored as all is closed would be answered, and committed, as by no head.
   */
  @Test
  void whatIsClosedIsNoColdStart() throws Exception {
    Bundle bundle = Bundles.text(directory, 16, 3);
    ScoringSettings settings = new ScoringSettings(1, 1, 4, false);
    try (HeadGraph graph = new HeadGraph(bundle.task(), 1)) {
      LiveHeads heads = new LiveHeads(graph, settings, ScorerMetrics.NOOP);
      assertThat(heads.acquireLive()).as("in a cold start").isNull();

      heads.close();

      assertThatThrownBy(heads::acquireLive).isInstanceOf(IllegalStateException.class);
    }
  }

  private static int scoreWhile(AtomicBoolean swapping, Scoring scoring, Set<Long> seen) {
    byte[] value = "{\"id\":\"a\",\"text\":\"my card\"}".getBytes(StandardCharsets.UTF_8);
    int wrong = 0;
    while (swapping.get()) {
      for (var future : scoring.submit(Collections.nCopies(9, value))) {
        Scores scores = scoring.score(future.join(), 0);
        long version = scores.head().orElseThrow().version();
        seen.add(version);
        float[] wanted =
            new Logits(scores.head().orElseThrow(), 0, logits(version)).probabilities();
        for (int i = 0; i < wanted.length; i++) {
          wrong +=
              wanted.length == scores.probabilities().length
                      && Math.abs(wanted[i] - scores.probabilities()[i]) < 1e-6
                  ? 0
                  : 1;
        }
      }
    }
    return wrong;
  }

  @Test
  void aThousandSwapsLeaveOneHeadInNativeMemory() throws Exception {
    Bundle bundle = Bundles.tabular(directory, 4, 3);
    ScoringSettings settings = new ScoringSettings(1, 1, 4, false);
    try (Scoring scoring = Scoring.load(bundle, settings, ScorerMetrics.NOOP)) {
      for (long version = 1; version <= SWAPS; version++) {
        scoring.install(Heads.constant(bundle, version, logits(version)));
      }

      assertThat(scoring.loadedHeads()).isEqualTo(1);
      assertThat(Heads.live(scoring).version()).isEqualTo(SWAPS);
    }
  }
}

package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Source;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CanaryTest {
  private static final int KEYS = 3000;

  @TempDir Path directory;
  private Bundle bundle;
  private Scoring scoring;

  @BeforeEach
  void load() throws Exception {
    bundle = Bundles.tabular(directory, 4, 3);
    scoring = scoring();
  }

  @AfterEach
  void close() {
    scoring.close();
  }

  private Scoring scoring() throws RejectedHeadException {
    Scoring loaded = Scoring.load(bundle, new ScoringSettings(1, 1, 16, false), ScorerMetrics.NOOP);
    loaded.install(TestHead.of(bundle, 1));
    return loaded;
  }

  @Test
  void servesItsShareOfTheKeysTheSameOnEachInstance() throws Exception {
    scoring.canary(TestHead.of(bundle, 2), .2);
    Set<Integer> keys = served(scoring, 2);

    assertThat(keys.size()).isBetween(expected(.2, -4), expected(.2, 4));
    try (Scoring another = scoring()) {
      another.canary(TestHead.of(bundle, 2), .2);
      assertThat(served(another, 2)).as("after a restart, and elsewhere").isEqualTo(keys);
    }
    scoring.canary(TestHead.of(bundle, 2), .5);
    assertThat(served(scoring, 2)).as("a larger share keeps the keys it had").containsAll(keys);
    scoring.canary(TestHead.of(bundle, 3), .2);
    Set<Integer> others = served(scoring, 3);
    others.retainAll(keys);
    assertThat(others.size())
        .as("another canary takes other keys, a fifth of these by chance")
        .isLessThan(keys.size() / 3);
  }

  @Test
  void drawsByTheIdInTheValueWhereARecordHasNoKey() throws Exception {
    scoring.canary(TestHead.of(bundle, 2), .5);
    LiveScorer scorer = scorer(scoring);

    for (int i = 0; i < 100; i++) {
      assertThat(version(scorer, null, value("k" + i), 0))
          .isEqualTo(version(scorer, "k" + i, value("other"), 0));
    }
  }

  @Test
  void drawsByWhereARecordWasReadIfItHasNoIdEither() throws Exception {
    bundle =
        Bundles.load(
            directory,
            """
            name: anonymous
            task: kind
            model: model.onnx
            labels: labels.json
            input: {label: /label, numbers: /x}
            """);
    try (Scoring anonymous = scoring()) {
      anonymous.canary(TestHead.of(bundle, 2), .5);
      LiveScorer scorer = scorer(anonymous);

      for (int i = 0; i < 100; i++) {
        String place = new Source("t-records", 0, i).recordId();
        assertThat(version(scorer, null, value("ignored"), i))
            .isEqualTo(version(scorer, place, value("ignored"), 0));
      }
    }
  }

  @Test
  void endsAsItBegan() throws Exception {
    scoring.canary(TestHead.of(bundle, 2), .5);
    assertThat(scoring.loadedHeads()).isEqualTo(2);
    scoring.endCanary(bundle.task().name());

    assertThat(served(scoring, 2)).isEmpty();
    assertThat(scoring.loadedHeads()).isEqualTo(1);
  }

  @Test
  void isRefusedAsAnyHeadAndChangesNothing() throws Exception {
    scoring.canary(TestHead.of(bundle, 2), .5);
    Set<Integer> keys = served(scoring, 2);

    assertThatThrownBy(
            () ->
                scoring.canary(TestHead.of(bundle, 3, bundle.task().fingerprint(), Float.NaN), .5))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("non-finite weight");

    assertThat(served(scoring, 2)).isEqualTo(keys);
  }

  /** This many standard deviations of a binomial from its mean. */
  private static int expected(double share, int deviations) {
    return (int) (KEYS * share + deviations * Math.sqrt(KEYS * share * (1 - share)));
  }

  private Set<Integer> served(Scoring by, long version) throws Exception {
    LiveScorer scorer = scorer(by);
    Set<Integer> keys = new TreeSet<>();
    for (int i = 0; i < KEYS; i++) {
      if (version(scorer, "customer-" + i, value("r"), i) == version) {
        keys.add(i);
      }
    }
    return keys;
  }

  private static long version(LiveScorer scorer, @Nullable String key, byte[] value, long offset)
      throws Exception {
    byte[] bytes = key == null ? null : key.getBytes(UTF_8);
    return scorer
        .score(new Source("t-records", 0, offset), bytes, value)
        .outcomes()
        .get(0)
        .headVersion();
  }

  private static byte[] value(String id) {
    return "{\"id\": \"%s\", \"x\": [1, 2, 3, 4]}".formatted(id).getBytes(UTF_8);
  }

  private LiveScorer scorer(Scoring by) {
    return new LiveScorer(
        by,
        List.of("kind"),
        Topics.of(TopicNames.prefixed("t")),
        StreamSettings.of("app", directory, new Selection(0, 0)),
        16,
        ScorerMetrics.NOOP);
  }
}

package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GuardTest {
  private static final Moves MOVED = new Moves(new boolean[4][4], 0.1, 0.2);

  private final List<float[]> samples = samples();
  private final double[][] opinion = Aligner.opinion(Blobs.head(), samples);

  @Test
  void letsThroughWhatIsSureAndKeepsItsClasses() {
    Verdict verdict = guard(0).judge(Blobs.head(), samples, MOVED);

    assertThat(verdict.accepted()).isTrue();
    assertThat(verdict.judged()).isZero();
    assertThat(verdict.numbers())
        .containsOnlyKeys(
            "window",
            "agreement",
            "confidence",
            "candidateConfidence",
            "classesInUse",
            "candidateClassesInUse",
            "moved",
            "largestMove");
    assertThat(verdict.numbers().get("classesInUse")).isBetween(3.9, 4.1);
  }

  @Test
  void refusesWhereClustersAreNotTheHeadsClasses() {
    assertThat(guard(39).agrees()).isTrue();
    assertThat(guard(41).agrees()).isFalse();
    assertThat(guard(41).disagrees().accepted()).isFalse();
    assertThat(guard(41).disagrees().reason()).contains("59 %", "minimum 60 %");
  }

  @Test
  void refusesACollapse() {
    LinearHead one =
        new LinearHead(4, Blobs.DIM, new float[4 * Blobs.DIM], new float[] {9, 0, 0, 0});

    Verdict verdict = guard(0).judge(one, samples, MOVED);

    assertThat(verdict.accepted()).isFalse();
    assertThat(verdict.reason())
        .isEqualTo("effective number of predicted classes: 1.0, down from 4.0");
  }

  @Test
  void refusesDoubt() {
    Verdict verdict = guard(0).judge(Blobs.head().cooled(20), samples, MOVED);

    assertThat(verdict.accepted()).isFalse();
    assertThat(verdict.reason()).contains("mean confidence of the candidate is lower by ");
  }

  @Test
  void refusesWhatIsNotFinite() {
    LinearHead broken = Blobs.head();
    broken.bias()[2] = Float.NaN;

    Verdict verdict = guard(0).judge(broken, samples, MOVED);

    assertThat(verdict.accepted()).isFalse();
    assertThat(verdict.reason()).isEqualTo("a weight is not finite");
  }

  /** Clusters that disagree with the head on so many of 100 samples. */
  private Guard guard(int disagreements) {
    double[][] shares = new double[samples.size()][4];
    for (int i = 0; i < shares.length; i++) {
      shares[i][(Directions.best(opinion[i]) + (i < disagreements ? 1 : 0)) % 4] = 1;
    }
    return new Guard(opinion, new Clustering(shares, SourceStatistics.none(4, Blobs.DIM)));
  }

  private static List<float[]> samples() {
    Blobs blobs = new Blobs();
    List<float[]> samples = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      samples.add(blobs.of(i % 4));
    }
    return samples;
  }
}

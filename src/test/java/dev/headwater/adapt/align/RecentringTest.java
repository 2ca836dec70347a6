package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.LinearHead;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RecentringTest {
  private static final int WINDOW = 150;
  private static final int[] ALL = {0, 1, 2, 3};

  private final Blobs blobs = new Blobs();
  private final LinearHead anchor = Blobs.head();
  private final Recentring recentring = new Recentring(null);

  @Test
  void undoesAShiftThatAllClassesShare() {
    begin(window(0, 1, ALL));
    List<float[]> shifted = window(1.5f, 0.4f, ALL);

    LinearHead moved = of(recentring, shifted).orElseThrow();

    assertThat(accuracy(anchor, shifted)).as("most are taken for one class").isLessThan(0.6);
    assertThat(accuracy(moved, shifted)).isGreaterThan(0.97);
    assertThat(of(recentring, window(0, 1, ALL))).as("and back").isEmpty();
  }

  @Test
  void leavesOtherProportionsAlone() {
    begin(window(0, 1, ALL));

    assertThat(of(recentring, window(0, 1, 0))).isEmpty();
    assertThat(recentring.explained()).isTrue();
    assertThat(of(recentring, window(0, 1, 0, 1))).isEmpty();
    assertThat(recentring.explained()).isTrue();
    assertThat(of(recentring, window(0, 1, 0, 2, 2, 2, 2, 2, 2, 3))).isEmpty();
  }

  @Test
  void startsFromTheSourceItIsGiven() {
    Recentring known = new Recentring(source(window(0, 1, ALL)));

    assertThat(of(known, window(1.5f, 0.4f, ALL))).isPresent();
  }

  @Test
  void doesNotBlowUpWhatNeverVaries() {
    List<float[]> still = window(0, 1, ALL);
    still.forEach(row -> row[Blobs.DIM - 1] = 0);
    begin(still);
    List<float[]> shifted = window(1.5f, 0.4f, ALL);
    shifted.forEach(row -> row[Blobs.DIM - 1] = 1e-6f);

    LinearHead moved = of(recentring, shifted).orElseThrow();

    assertThat(moved.finite()).isTrue();
    assertThat(accuracy(moved, shifted)).isGreaterThan(0.97);
  }

  private void begin(List<float[]> window) {
    recentring.begin(source(window));
    assertThat(recentring.of(anchor, window, Aligner.opinion(anchor, window), false)).isEmpty();
    assertThat(recentring.explained()).as("by itself").isFalse();
  }

  private Optional<LinearHead> of(Recentring recentring, List<float[]> window) {
    return recentring.of(anchor, window, Aligner.opinion(anchor, window), true);
  }

  private Mixture source(List<float[]> window) {
    return Mixture.of(window, Aligner.opinion(anchor, window));
  }

  /** Classes in turn, all of another scale and moved along one axis. */
  private List<float[]> window(float offset, float scale, int... classes) {
    List<float[]> window = new ArrayList<>();
    for (int i = 0; i < WINDOW; i++) {
      float[] row = blobs.of(classes[i % classes.length]);
      for (int d = 0; d < row.length; d++) {
        row[d] *= scale;
      }
      row[0] += offset;
      window.add(row);
    }
    return window;
  }

  private static double accuracy(LinearHead head, List<float[]> window) {
    return IntStream.range(0, WINDOW)
            .filter(i -> head.best(window.get(i)) == ALL[i % ALL.length])
            .count()
        / (double) WINDOW;
  }
}

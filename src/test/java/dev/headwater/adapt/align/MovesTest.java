package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class MovesTest {
  private static final int CLASSES = 5;

  private final double[][] opinion = new double[100][];
  private final int[] labels = new int[100];

  MovesTest() {
    Arrays.setAll(opinion, i -> sure(i % CLASSES, 0.95));
    Arrays.setAll(labels, i -> i % CLASSES);
  }

  @Test
  void seesABodyOfRecordsThatTheHeadIsSureOf() {
    move(0, 1, 10);

    Moves moves = Moves.of(opinion, labels, Moves.none(CLASSES));

    assertThat(moves.real()[0][1]).isTrue();
    assertThat(moves.real()[1][0]).isFalse();
    assertThat(moves.moved()).isEqualTo(0.1);
    assertThat(moves.largest()).isBetween(0.09, 0.1);
  }

  @Test
  void passesOverWhatScatters() {
    for (int from = 0; from < CLASSES; from++) {
      for (int step = 1; step < CLASSES; step++) {
        move(from, (from + step) % CLASSES, 1);
      }
    }

    Moves moves = Moves.of(opinion, labels, Moves.none(CLASSES));

    assertThat(moves.moved()).as("20 of 100 disagree, one of each kind").isZero();
  }

  @Test
  void passesOverWhatTheHeadIsUnsureOf() {
    for (int i = 0; i < 100; i += CLASSES) {
      opinion[i] = sure(0, 0.3);
      opinion[i][1] = 0.25;
    }
    move(0, 1, 15);

    assertThat(Moves.of(opinion, labels, Moves.none(CLASSES)).moved()).isZero();
  }

  @Test
  void leavesOutSamplesWithoutALabel() {
    for (int i = 0; i < 50; i += CLASSES) {
      labels[i] = -1;
    }

    assertThat(Moves.of(opinion, labels, Moves.none(CLASSES)).largest()).isZero();
  }

  @Test
  void goesOnWithAMoveThatHasBegun() {
    move(0, 1, 3);
    Moves first = Moves.of(opinion, labels, Moves.none(CLASSES));
    boolean[][] begun = new boolean[CLASSES][CLASSES];
    begun[0][1] = true;

    Moves second = Moves.of(opinion, labels, new Moves(begun, 0.1, 0.1));

    assertThat(first.moved()).as("too few to begin with").isZero();
    assertThat(second.real()[0][1]).isTrue();
  }

  private void move(int from, int to, int count) {
    int left = count;
    for (int i = from; left > 0; i += CLASSES) {
      if (labels[i] == from) {
        labels[i] = to;
        left--;
      }
    }
  }

  private static double[] sure(int label, double confidence) {
    double[] row = new double[CLASSES];
    Arrays.fill(row, (1 - confidence) / (CLASSES - 1));
    row[label] = confidence;
    return row;
  }
}

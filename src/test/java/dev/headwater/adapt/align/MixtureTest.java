package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class MixtureTest {
  private final Blobs blobs = new Blobs();
  private final Mixture source = Mixture.of(blobs.labelled(400), Blobs.CLASSES);

  @Test
  void knowsSharesMeansAndSpread() {
    Moments all = source.moments();

    assertThat(source.shares()).containsOnly(0.25f);
    assertThat(source.means()[0]).as("of class 0, on its axis").isCloseTo(1, within(0.1f));
    assertThat(source.means()[Blobs.DIM]).as("of class 1, there").isCloseTo(0, within(0.1f));
    assertThat(all.mean()[0]).isCloseTo(0.25f, within(0.03f));
    assertThat(all.spread()[0]).isCloseTo((float) Math.sqrt(3 / 16.0), within(0.05f));
  }

  @Test
  void explainsOtherProportions() {
    assertThat(source.unexplained(window(0, 0, 0, 0))).as("one class").isLessThan(0.03);
    assertThat(source.unexplained(window(0, 0, 1, 1, 1, 2))).isLessThan(0.03);
    assertThat(source.unexplained(source.moments())).as("no way at all").isZero();
  }

  @Test
  void doesNotExplainAShiftOfAll() {
    blobs.shift(1);

    assertThat(source.unexplained(window(0, 1, 2, 3)))
        .as("along an axis that classes lie on")
        .isGreaterThan(0.2);
    assertThat(source.unexplained(window(0, 0, 0, 1))).as("with other proportions").isPositive();
  }

  @Test
  void saysNothingOfAClassThatHasNoSamples() {
    Mixture three = Mixture.of(blobs.labelled(3), Blobs.CLASSES);

    assertThat(three.shares()[3]).isZero();
    assertThat(three.unexplained(window(3, 3))).as("none of these is there").isGreaterThan(0.3);
  }

  @Test
  void isFiniteWhereNothingVaries() {
    List<float[]> same = List.of(new float[Blobs.DIM], new float[Blobs.DIM]);
    Mixture still = Mixture.of(same, new double[][] {{1, 0}, {0, 1}});

    assertThat(still.unexplained(window(0, 1))).isEqualTo(1, within(1e-9));
  }

  private Moments window(int... classes) {
    List<float[]> samples = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      samples.add(blobs.of(classes[i % classes.length]));
    }
    return Moments.of(samples);
  }
}

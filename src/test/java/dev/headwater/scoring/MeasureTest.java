package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MeasureTest {

  @Property
  void staysBetweenNoneAndAll(
      @ForAll Measure measure,
      @ForAll @Size(min = 1, max = 200) List<@FloatRange(min = 0.01f, max = 1) Float> drawn) {
    double sum = drawn.stream().mapToDouble(Float::doubleValue).sum();
    float[] probabilities = new float[drawn.size()];
    for (int i = 0; i < probabilities.length; i++) {
      probabilities[i] = (float) (drawn.get(i) / sum);
    }

    assertThat(measure.confidence(probabilities)).isBetween(0.0, 1.0 + 1e-6);
  }

  @ParameterizedTest
  @EnumSource(Measure.class)
  void isOneWhereOneLabelHasAll(Measure measure) {
    assertThat(measure.confidence(new float[] {0, 1, 0})).isEqualTo(1);
    assertThat(measure.confidence(new float[] {1})).as("the only label there is").isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(Measure.class)
  void isLeastWhereAllLabelsHaveTheSame(Measure measure) {
    double even = measure.confidence(new float[] {0.25f, 0.25f, 0.25f, 0.25f});

    assertThat(even).isEqualTo(measure == Measure.MAX_PROBABILITY ? 0.25 : 0, within(1e-6));
    assertThat(measure.confidence(new float[] {0.4f, 0.2f, 0.2f, 0.2f})).isGreaterThan(even);
  }

  @ParameterizedTest
  @EnumSource(Measure.class)
  void isWhatItsNameSays(Measure measure) {
    double expected =
        switch (measure) {
          case MAX_PROBABILITY -> 0.5;
          case MARGIN -> 0.25;
          case ENTROPY -> 1 - 1.5 / (Math.log(3) / Math.log(2));
        };

    assertThat(measure.confidence(new float[] {0.25f, 0.5f, 0.25f}))
        .isEqualTo(expected, within(1e-6));
  }
}

package dev.headwater.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CurveTest {
  @Test
  void tellsThePowerThatACostGoesBy() {
    Curve.Exponents power = curve(x -> 3 * Math.pow(x, 1.5), 1, 10, 100, 1000).exponents();

    assertThat(power.cpu()).isEqualTo(1.5, within(1e-9));
    assertThat(power.wall()).isEqualTo(1.5, within(1e-9));
    assertThat(power.steepestCpu()).isEqualTo(1.5, within(1e-9));
  }

  @Test
  void aFlatBeginningDoesNotHideASteepEnd() {
    Curve.Exponents power = curve(x -> x < 50 ? 10 : 10 * x * x / 2500, 1, 5, 50, 500).exponents();

    assertThat(power.cpu()).isLessThan(1);
    assertThat(power.steepestCpu()).isEqualTo(2, within(1e-9));
  }

  @Test
  void onePointHasNoPower() {
    assertThat(curve(x -> x, 10).exponents()).isEqualTo(new Curve.Exponents(null, null, null));
  }

  @Test
  void isPrintedPointByPoint() {
    List<String> said = new ArrayList<>();

    curve(x -> 2, 1, 1000).print(said::add);

    assertThat(said).hasSize(4);
    assertThat(said.get(0)).contains("tasks").contains("us of CPU");
    assertThat(said.get(2)).contains("1,000").contains("2.0");
    assertThat(said.get(3)).contains("0.00");
  }

  private static Curve curve(DoubleUnaryOperator cost, int... places) {
    return new Curve(
        "tasks",
        IntStream.of(places)
            .mapToObj(
                x -> {
                  Spread each = Spread.of(cost.applyAsDouble(x));
                  return new Curve.Point(x, 100, each, each);
                })
            .toList());
  }
}

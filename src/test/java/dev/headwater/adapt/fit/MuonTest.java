package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import dev.headwater.schema.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MuonTest {
  private final NDManager manager = NDManager.newBaseManager("PyTorch");

  @AfterEach
  void close() {
    manager.close();
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, -1e30f})
  void aGradientBeyondNumbersCostsOneStepAndNoMore(float broken) {
    Muon hit = muon(0, new long[] {2}, new long[] {2, 2});
    Muon spared = muon(0, new long[] {2}, new long[] {2, 2});

    hit.step(new float[] {1, 1, 1, 1, 1, broken});

    assertThat(hit.at()).containsOnly(0);
    hit.step(new float[] {1, -2, 1, 2, 3, 4});
    spared.step(new float[] {1, -2, 1, 2, 3, 4});
    assertThat(hit.at()).containsExactly(spared.at()).doesNotContain(0);
    assertThat(hit.at()[0]).isNegative();
  }

  @ParameterizedTest
  @CsvSource({"3, 5", "5, 3", "4, 4"})
  void aMatrixMovesAsFarInEachDirectionHoweverSteep(int rows, int columns) {
    Muon muon = muon(0, new long[] {rows, columns});
    float[] gradient = new float[rows * columns];
    for (int i = 0; i < Math.min(rows, columns); i++) {
      gradient[i * columns + (i + 1) % columns] = (float) Math.pow(4, -i);
    }

    muon.step(gradient);

    for (int i = 0; i < gradient.length; i++) {
      float moved = muon.at()[i] / 0.05f;
      if (gradient[i] > 0) {
        assertThat(moved).as("at %d", i).isBetween(-1.25f, -0.65f);
      } else {
        assertThat(moved).as("at %d", i).isCloseTo(0, within(0.01f));
      }
    }
  }

  @Test
  void whatHasNoGradientStaysUntilItHas() {
    Muon muon = muon(0, new long[] {2, 2});

    muon.step(new float[4]);

    assertThat(muon.at()).containsOnly(0);
    muon.step(new float[] {1, 0, 0, 2});
    assertThat(muon.at()[0]).isCloseTo(-0.05f, within(0.01f));
  }

  @Test
  void goesOnTheWayItWasGoing() {
    Muon muon = muon(0, new long[] {2, 2});
    muon.step(new float[] {1, 0, 0, 1});
    float first = muon.at()[0];

    muon.step(new float[] {-.1f, 0, 0, -.1f});

    assertThat(muon.at()[0]).isLessThan(first);
  }

  @Test
  void aKernelIsAMatrixOfOneRowAnOutput() {
    Muon kernel = muon(0, new long[] {2, 3, 1, 2});
    Muon single = muon(0, new long[] {1, 2, 6});
    Muon matrix = muon(0, new long[] {2, 6});
    float[] gradient = {1, 2, 3, 4, 5, 6, 6, 5, 4, 3, 2, -1};

    kernel.step(gradient);
    single.step(gradient);
    matrix.step(gradient);

    assertThat(kernel.at()).containsExactly(matrix.at()).doesNotContain(0);
    assertThat(single.at()).containsExactly(matrix.at());
  }

  @Test
  void whatHasOneDimensionIsNoMatrixHoweverItIsWritten() {
    Muon vector = muon(0, new long[] {4});
    Muon row = muon(0, new long[] {1, 4});
    Muon scale = muon(0, new long[] {1, 4, 1, 1});

    for (Muon each : List.of(vector, row, scale)) {
      each.step(new float[] {1, 2, -3, 4});
    }

    assertThat(row.at()).containsExactly(vector.at()).doesNotContain(0);
    assertThat(scale.at()).containsExactly(vector.at());
  }

  @Test
  void thePullKeepsEachWeightNearerToWhereItBegan() {
    Weights start = weights(1, new long[] {2}, new long[] {2, 2});
    Muon free = new Muon(start, 0, manager);
    Muon pulled = new Muon(start, 100, manager);

    for (int step = 0; step < 20; step++) {
      free.step(new float[] {1, -1, 1, 2, 3, -4});
      pulled.step(new float[] {1, -1, 1, 2, 3, -4});
    }

    for (int i = 0; i < 6; i++) {
      assertThat((pulled.at()[i] - 1) / (free.at()[i] - 1)).isBetween(0.01f, 0.5f);
    }
  }

  private Muon muon(float start, long[]... shapes) {
    Weights weights = weights(start, shapes);
    return new Muon(weights, 0, manager);
  }

  private static Weights weights(float value, long[]... shapes) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (long[] shape : shapes) {
      Tensor zeros = Tensor.zeros(shape);
      float[] values = zeros.values().clone();
      Arrays.fill(values, value);
      tensors.put("t" + tensors.size(), new Tensor(shape, values));
    }
    return new Weights(tensors);
  }
}

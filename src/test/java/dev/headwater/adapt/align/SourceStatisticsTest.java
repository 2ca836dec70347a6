package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.schema.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SourceStatisticsTest {
  private final Batch labelled =
      new Batch(
          List.of(new float[] {3, 0}, new float[] {0, 9}, new float[] {0, 5}),
          new int[] {0, 0, 2},
          new double[] {1, 1, 0.5});

  @Test
  void meansDirectionsWhateverTheLengthOfTheFeatures() {
    SourceStatistics source = SourceStatistics.of(labelled, 3);

    float half = (float) Math.sqrt(0.5);
    assertThat(source.directions())
        .containsExactly(new float[] {half, half, 0, 0, 0, 1}, within(1e-6f));
    assertThat(source.counts()).containsExactly(2, 0, 1);
  }

  @Test
  void travelsAsTensors() {
    SourceStatistics source = SourceStatistics.of(labelled, 3);

    Map<String, Tensor> tensors = source.tensors();
    SourceStatistics back = SourceStatistics.of(tensors).orElseThrow();

    assertThat(tensors).containsOnlyKeys("source.directions", "source.counts");
    assertThat(back.classes()).isEqualTo(3);
    assertThat(back.dim()).isEqualTo(2);
    assertThat(back.directions()).isEqualTo(source.directions());
    assertThat(back.counts()).isEqualTo(source.counts());
  }

  @Test
  void travelsWithTheMixtureUntilALabelGoes() {
    SourceStatistics source = SourceStatistics.of(labelled, 3).with(Mixture.of(labelled, 3));

    SourceStatistics back = SourceStatistics.of(source.tensors()).orElseThrow();
    SourceStatistics fewer = back.kept(List.of(2, 0));

    float half = (float) Math.sqrt(0.5);
    assertThat(fewer.directions()).containsExactly(new float[] {0, 1, half, half}, within(1e-6f));
    assertThat(fewer.counts()).containsExactly(1, 2);
    assertThat(fewer.mixture()).as("what comes of the others goes on to come").isNull();
    assertThat(back.mixture().shares()).containsExactly(2 / 3f, 0, 1 / 3f);
    assertThat(back.mixture().means())
        .as("of no sample, in the middle of all")
        .containsExactly(new float[] {1.48f, 4.51f, 1, 4.67f, 0.09f, 4.97f}, within(0.01f));
    assertThat(back.mixture().spread())
        .containsExactly(new float[] {(float) Math.sqrt(2), 3.6818f}, within(1e-4f));
  }

  @Test
  void knowsNoMixtureThatAnotherVersionCut() {
    SourceStatistics source = SourceStatistics.of(labelled, 3).with(Mixture.of(labelled, 3));
    Map<String, Tensor> cut = new HashMap<>(source.tensors());
    cut.put("source.spread", new Tensor(new long[] {1}, new float[] {1}));

    assertThat(SourceStatistics.of(cut).orElseThrow().mixture()).isNull();
  }

  @Test
  void isAbsentWhereAHeadBroughtNone() {
    assertThat(SourceStatistics.of(Map.of())).isEmpty();
  }
}

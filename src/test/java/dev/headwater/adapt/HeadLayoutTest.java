package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HeadLayoutTest {
  private final LinearHead linear =
      new LinearHead(2, 3, new float[] {1, 2, 3, 4, 5, 6}, new float[] {7, 8});

  @Test
  void keepsClassesFirst() {
    HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", true), 3);

    assertThat(layout.tensors(linear))
        .containsEntry("w", new Tensor(new long[] {2, 3}, new float[] {1, 2, 3, 4, 5, 6}))
        .containsEntry("b", new Tensor(new long[] {2}, new float[] {7, 8}));
    assertRoundTrip(layout, new float[] {7, 8});
  }

  @Test
  void transposesWhereClassesComeLast() {
    HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", false), 3);

    assertThat(layout.tensors(linear))
        .containsEntry("w", new Tensor(new long[] {3, 2}, new float[] {1, 4, 2, 5, 3, 6}));
    assertRoundTrip(layout, new float[] {7, 8});
  }

  @Test
  void leavesOutABiasTheLayerDoesNotHave() {
    HeadLayout layout = new HeadLayout(new LinearLayer("w", null, true), 3);

    assertThat(layout.tensors(linear)).containsOnlyKeys("w");
    assertThat(layout.biased()).isFalse();
    assertRoundTrip(layout, new float[] {0, 0});
  }

  private void assertRoundTrip(HeadLayout layout, float[] bias) {
    HeadInfo info =
        new HeadInfo(
            "task",
            1,
            0,
            List.of("a", "b"),
            "backbone",
            Instant.EPOCH,
            "samples",
            "cpu",
            new Verdict(true, "", 0, Map.of()));
    Tensor none = new Tensor(new long[] {0}, new float[0]);

    LinearHead back = layout.linear(new Head(info, layout.tensors(linear), none, none));

    assertThat(back.weight()).isEqualTo(linear.weight());
    assertThat(back.bias()).isEqualTo(bias);
  }
}

package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.onnx.graph.Numbers;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReachTest {
  @Test
  void aOneByOneHeadLooksAtItsOwnPixelAlone() throws Exception {
    assertThat(OnnxFile.parse(GraphFixture.conv1x1(1, 4, 2)).split("auto").reach()).isZero();
    assertThat(OnnxFile.parse(GraphFixture.conv1x1(1, 4, 2)).split("-2").reach()).isEqualTo(1);
  }

  @Test
  void kernelsAddUpAlongTheLongestPath() throws Exception {
    byte[] network =
        start()
            .weight("w1", 3, 3, 3, 3)
            .weight("w2", 3, 3, 5, 5)
            .weight("w3", 2, 6, 1, 1)
            .node("Conv", "a", dilated(2, 2), "x", "w1")
            .node("Conv", "b", dilated(2, 1), "a", "w2")
            .node("Concat", "both", Map.of("axis", 1), "b", "x")
            .node("Conv", "logits", "both", "w3")
            .output("logits", -1, 2, 8, 8)
            .bytes();

    Split split = OnnxFile.parse(network).split("x");

    assertThat(split.reach()).as("2 of the dilated 3 x 3, 2 of the 5 x 5").isEqualTo(4);
    assertThat(split.logitsMap()).hasValueSatisfying(map -> assertThat(map).containsExactly(8, 8));
  }

  @Test
  void whatLooksAtTheWholeMapOrAnotherResolutionIsNamed() throws Exception {
    byte[] strided =
        start()
            .weight("w1", 3, 3, 2, 2)
            .node("Conv", "a", Map.of("strides", new long[] {2, 2}), "x", "w1")
            .weight("w2", 2, 3, 1, 1)
            .node("Conv", "logits", "a", "w2")
            .output("logits", -1, 2, 4, 4)
            .bytes();
    byte[] pooled =
        start()
            .weight("w1", 3, 3, 1, 1)
            .node("Conv", "a", "x", "w1")
            .node("GlobalAveragePool", "mean", "a")
            .node("Add", "shifted", "a", "mean")
            .weight("w2", 2, 3, 1, 1)
            .node("Conv", "logits", "shifted", "w2")
            .output("logits", -1, 2, 8, 8)
            .bytes();

    assertThatThrownBy(() -> OnnxFile.parse(strided).split("x").reach())
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("Conv node with output `a` changes the resolution");
    assertThatThrownBy(() -> OnnxFile.parse(pooled).split("x").reach())
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("GlobalAveragePool node with output `mean`");
  }

  @Test
  void whatEnlargesReachesOnePlaceFurther() throws Exception {
    assertThat(enlarged(2, Map.of("mode", "linear")).reach())
        .as("1 between two places, 2 of the 5 x 5, which are 1 place twice as coarse")
        .isEqualTo(2);
    assertThatThrownBy(() -> enlarged(1.5f, Map.of("mode", "linear")).reach())
        .hasMessageContaining(
            "Resize node with output `fine` does not upsample by an integer factor");
    assertThatThrownBy(() -> enlarged(2, Map.of("mode", "cubic")).reach())
        .hasMessageContaining("`fine`");
    assertThatThrownBy(
            () -> enlarged(2, Map.of("coordinate_transformation_mode", "align_corners")).reach())
        .hasMessageContaining("`fine`");
  }

  private static Split enlarged(float scale, Map<String, Object> how) throws Exception {
    return OnnxFile.parse(
            start()
                .weight("w1", 3, 3, 1, 1)
                .tensor(Numbers.tensor("scales", new long[] {4}, new float[] {1, 1, scale, scale}))
                .weight("w2", 2, 3, 5, 5)
                .node("Conv", "a", "x", "w1")
                .node("Resize", "fine", how, "a", "", "scales")
                .node("Conv", "logits", Map.of("pads", new long[] {2, 2, 2, 2}), "fine", "w2")
                .output("logits", -1, 2, (long) (8 * scale), (long) (8 * scale))
                .bytes())
        .split("x");
  }

  private static GraphFixture start() {
    return GraphFixture.opset(17).input("image", -1, 3, 8, 8).node("Relu", "x", "image");
  }

  private static Map<String, Object> dilated(long pad, long dilation) {
    return Map.of(
        "pads", new long[] {pad, pad, pad, pad}, "dilations", new long[] {dilation, dilation});
  }
}

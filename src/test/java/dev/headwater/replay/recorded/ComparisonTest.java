package dev.headwater.replay.recorded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.GraphFixture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
  @TempDir Path directory;

  @Test
  void saysWhatIsShownAndNoMore() {
    assertThat(result(100, .05, .03).describe())
        .contains("100 audit samples", "(7 left out)", "desk-2", "desk ")
        .contains("desk-2 is significantly better than desk");
    assertThat(result(100, -.05, .03).describe()).contains("do not switch over");
    assertThat(result(100, -.05, .06).describe()).contains("no significant difference");
    assertThat(result(0, 0, 1).describe()).contains("no result");
  }

  @Test
  void isWorseOnlyWhereThatIsShown() {
    assertThat(result(100, -.05, .03).worse()).isTrue();
    assertThat(result(100, -.05, .06).worse()).isFalse();
    assertThat(result(100, .05, .03).worse()).isFalse();
    assertThat(result(0, 0, 1).worse()).isFalse();
  }

  @Test
  void aMaskOfAnotherSizeTellsNothingOfTheTask() throws Exception {
    Task small = Bundles.segments(directory.resolve("s"), 2, 3, List.of("a", "b")).task();
    Task large = Bundles.segments(directory.resolve("l"), 4, 3, List.of("a", "b")).task();
    String truth = small.masks().orElseThrow().encode(new byte[] {0, 1, 1, 0, 0, 0});
    String said = small.masks().orElseThrow().encode(new byte[] {0, 1, 0, 0, 0, 0});

    assertThat(Comparison.accuracy(small, said, truth)).isCloseTo(5 / 6.0, within(1e-9));
    assertThat(Comparison.accuracy(large, said, truth)).isNull();
    assertThat(Comparison.accuracy(small, null, truth)).isNull();
  }

  @Test
  void whatIsNoNumberTellsNothingOfATaskOfNumbers() throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(4, 16, 2));
    Task number =
        Bundles.load(
                directory,
                """
                name: small
                model: model.onnx
                tasks: [{name: size, kind: regression, head: none, cut: r}]
                input: {id: /id, numbers: /x}
                """)
            .task();

    assertThat(Comparison.accuracy(number, "2", "2")).isEqualTo(1);
    assertThat(Comparison.accuracy(number, "2", "large")).isNull();
    assertThat(Comparison.accuracy(number, "large", "2")).isNull();
  }

  private static Comparison.Result result(int records, double gain, double p) {
    return new Comparison.Result(
        "kind", "desk-2", "desk", records, 7, .9 + gain, .9, 10, 5, gain, .02, p);
  }
}

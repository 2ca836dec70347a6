package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Split;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TilingTest {
  @TempDir Path directory;

  @Test
  void blocksOfAllTilesCoverEveryPixelOnce() {
    Tiling tiling = new Tiling(2, 21, 37, 16, 2);
    byte[] ones = new byte[21 * 37];
    java.util.Arrays.fill(ones, (byte) 1);
    int told = 0;

    for (int tile = 0; tile < tiling.tiles(); tile++) {
      byte[] block = tiling.cut(ones, tile);
      assertThat(block).hasSize(20 * 20);
      for (byte c : block) {
        told += c == 1 ? 1 : 0;
      }
    }

    assertThat(tiling.tiles()).isEqualTo(2 * 3);
    assertThat(told).isEqualTo(21 * 37);
  }

  @Test
  void aTileHoldsTheFeaturesOfItsClasses() {
    Tiling tiling = new Tiling(2, 5, 6, 2, 1);
    float[] features = new float[2 * 30];
    byte[] classes = new byte[30];
    for (int i = 0; i < 30; i++) {
      features[i] = i;
      features[30 + i] = -i;
      classes[i] = (byte) i;
    }

    for (int tile = 0; tile < tiling.tiles(); tile++) {
      float[] cut = new float[tiling.size()];
      tiling.cut(features, tile, cut, 0);
      byte[] block = tiling.cut(classes, tile);
      for (int i = 0; i < block.length; i++) {
        if (block[i] >= 0) {
          assertThat(cut[i]).isEqualTo(block[i]);
          assertThat(cut[block.length + i]).isEqualTo(-block[i]);
        }
      }
    }
  }

  @Test
  void aTileOfPlacesAnswersForTheirPixels() {
    Tiling tiling = new Tiling(1, 3, 5, 2, 1, 2);
    byte[] pixels = new byte[6 * 10];
    float[] places = new float[15];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (i / 10 / 2 * 5 + i % 10 / 2);
    }
    for (int i = 0; i < places.length; i++) {
      places[i] = i;
    }
    int told = 0;

    for (int tile = 0; tile < tiling.tiles(); tile++) {
      float[] features = new float[tiling.size()];
      tiling.cut(places, tile, features, 0);
      byte[] block = tiling.cut(pixels, tile);
      int wide = 2 * tiling.tileWidth();
      for (int i = 0; i < block.length; i++) {
        if (block[i] >= 0) {
          told++;
          assertThat(block[i])
              .as("pixel %d of tile %d", i, tile)
              .isEqualTo((byte) features[i / wide / 2 * tiling.tileWidth() + i % wide / 2]);
        }
      }
    }

    assertThat(tiling.tiles()).isEqualTo(6);
    assertThat(told).as("each pixel once").isEqualTo(60);
    float[] ofPixels = new float[60];
    java.util.Arrays.fill(ofPixels, 0, 40, 3);
    assertThat(tiling.means(ofPixels)).containsExactly(3, 3, 3, 0, 0, 0);
    assertThat(tiling.answers()).isEqualTo(3 * 4 * 4);
  }

  @Test
  void blocksOfManyChannelsAreSmaller() throws Exception {
    Split split =
        OnnxFile.parse(GraphFixture.conv1x1(1, 2048, 2))
            .resized("image", new long[] {-1, -1, 24, 24}, List.of("r"))
            .dense("r", List.of(), 48, 48);
    List<long[]> shapes = List.of(new long[] {2048, 24, 24});

    Tiling tiling = Tiling.of(split, shapes, split.logitsMap().orElseThrow());

    assertThat(tiling).isEqualTo(new Tiling(2048, 24, 24, 2, 1, 2));
    assertThat(TileSelection.most(tiling))
        .as("a sample stays below a message's limit")
        .isEqualTo(5);
  }

  @Test
  void numbersOfPixelsBecomeMeansOfBlocks() {
    Tiling tiling = new Tiling(1, 2, 3, 2, 0);

    assertThat(tiling.means(new float[] {1, 2, 7, 3, 4, 9})).containsExactly(2.5f, 8);
    assertThat(tiling.summary(new float[] {1, 2, 3, 4, 5, 9})).containsExactly(4);
  }

  @Test
  void aHeadThatLooksAtNothingAroundAPixelNeedsPixelsOnly() throws Exception {
    Task narrow = Bundles.segments(directory.resolve("1"), 9, 7, 1).task();
    Task wide = Bundles.segments(directory.resolve("5"), 24, 30, 5).task();

    assertThat(narrow.tiling()).contains(new Tiling(4, 9, 7, 1, 0));
    assertThat(narrow.rowSize()).isEqualTo(4);
    assertThat(wide.tiling()).contains(new Tiling(4, 24, 30, 16, 2));
    assertThat(wide.rowShapes()).singleElement().isEqualTo(new long[] {4, 20, 20});
    assertThat(wide.open()).as("the classes of pixels are those of the network").isFalse();
  }

  @Test
  void aCutAtAnotherResolutionIsRefusedWithTheReason() throws Exception {
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, 8, 8)
            .weight("w1", 2, 1, 1, 1)
            .weight("w2", 2, 2, 1, 1)
            .node("Conv", "features", "image", "w1")
            .node(
                "MaxPool",
                "pooled",
                Map.of("kernel_shape", new long[] {2, 2}, "strides", new long[] {2, 2}),
                "features")
            .node("Conv", "logits", "pooled", "w2")
            .output("logits", -1, 2, 4, 4)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    Files.writeString(directory.resolve("labels.json"), "[\"a\", \"b\"]");
    String manifest =
        """
        name: pooled
        task: pixels
        model: model.onnx
        labels: labels.json
        cut: features
        input: {image: /image}
        """;

    assertThatThrownBy(() -> Bundles.load(directory, manifest))
        .hasMessageContaining("cut: ")
        .hasMessageContaining(
            "the resolution of the logits must be that of the features times an integer");
  }

  @Test
  void greyValuesAreOneALabel() throws Exception {
    Bundles.segments(directory, 4, 4, 1);
    String manifest = Files.readString(directory.resolve("headwater.yaml"));

    Bundle bundle = Bundles.load(directory, manifest + "mask-values: [0, 1]\n");

    byte[] pixels = new byte[16];
    pixels[3] = 1;
    Masks masks = bundle.task().masks().orElseThrow();
    Masks evenly = new Masks(4, 4, Masks.evenly(2));
    assertThat(masks.decode(masks.encode(pixels), "label", null)).isEqualTo(pixels);
    assertThat(masks.encode(pixels)).isNotEqualTo(evenly.encode(pixels));
    assertThatThrownBy(() -> Bundles.load(directory, manifest + "mask-values: [0, 1, 2]\n"))
        .hasMessageContaining("mask-values: 3 values for 2 labels");
    assertThatThrownBy(() -> Bundles.load(directory, manifest + "mask-values: [0, 256]\n"))
        .hasMessageContaining("mask-values: must be distinct integers from 0 to 255");
  }
}

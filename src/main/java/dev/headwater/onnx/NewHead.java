package dev.headwater.onnx;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A head that has yet to be trained, for any backbone: hidden layers with Relu, then a linear layer
 * that knows no classes yet. On vectors [N, D] the layers are Gemm; on maps [N, C, H, W] they are
 * 1×1 convolutions, one answer a place.
 *
 * @param hidden widths of the hidden layers, nearest the features first; empty for a linear head
 * @param height of the answer's map; 0 leaves it as the features' is
 * @param width likewise
 */
public record NewHead(List<Integer> hidden, int height, int width) {
  private static final int MOST_HIDDEN = 8;
  private static final int WIDEST = 65_536;

  public static final NewHead LINEAR = new NewHead(List.of(), 0, 0);

  public NewHead {
    hidden = List.copyOf(hidden);
    if (hidden.size() > MOST_HIDDEN || hidden.stream().anyMatch(w -> w < 1 || w > WIDEST)) {
      throw new IllegalArgumentException(
          "a new head has at most %d hidden layers of 1 to %d units, got %s"
              .formatted(MOST_HIDDEN, WIDEST, hidden));
    }
    if (height < 0 || width < 0 || (height == 0) != (width == 0)) {
      throw new IllegalArgumentException(
          "a new head's map has a height and a width, or neither: got " + height + " × " + width);
    }
  }

  /** On vectors, or on maps of the size they have. */
  public static NewHead of(Integer... hidden) {
    return new NewHead(List.of(hidden), 0, 0);
  }

  boolean resizes() {
    return height > 0;
  }

  /** What goes into each layer, the last one included. */
  int[] inputs(int dim) {
    return IntStream.rangeClosed(0, hidden.size())
        .map(layer -> layer == 0 ? dim : hidden.get(layer - 1))
        .toArray();
  }
}

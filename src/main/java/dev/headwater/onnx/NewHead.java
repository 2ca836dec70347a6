package dev.headwater.onnx;

import java.util.List;
import java.util.stream.IntStream;

/**
 * An untrained head for any backbone: hidden layers with Relu, then a linear layer that has no
 * classes yet.
 *
 * <p>On vectors [N, D] the layers are Gemm. On maps [N, C, H, W] the hidden layers are 3×3
 * convolutions, to use the surroundings of a position, and the last layer is a 1×1 convolution.
 *
 * <p>A class with several clusters of features can have several weight rows, its subclasses
 * (subclass discriminant analysis: Zhu and Martinez 2006). Its logit is the log-sum-exp of their
 * scores, times one factor for all classes.
 *
 * @param hidden widths of the hidden layers, starting at the features; empty for a linear head
 * @param scale integer factor by which a dense head upsamples height and width, by interpolation; 1
 *     keeps the size of the feature map
 * @param subclasses number of weight rows per class in the last layer; more than 1 requires vector
 *     features and no hidden layers
 */
public record NewHead(List<Integer> hidden, int scale, int subclasses) {
  private static final int MAX_HIDDEN_LAYERS = 8;

  /** Kernel size of a hidden layer on maps. */
  static final int SIDE = 3;

  private static final int MAX_WIDTH = 65_536;
  private static final int MAX_SUBCLASSES = 256;

  public static final NewHead LINEAR = new NewHead(List.of(), 1, 1);

  public NewHead {
    hidden = List.copyOf(hidden);
    if (hidden.size() > MAX_HIDDEN_LAYERS
        || hidden.stream().anyMatch(w -> w < 1 || w > MAX_WIDTH)) {
      throw new IllegalArgumentException(
          "a new head must have at most %d hidden layers of 1 to %d units, got %s"
              .formatted(MAX_HIDDEN_LAYERS, MAX_WIDTH, hidden));
    }
    if (scale < 1) {
      throw new IllegalArgumentException(
          "the scale of a new head must be at least 1, got " + scale);
    }
    if (subclasses < 1 || subclasses > MAX_SUBCLASSES) {
      throw new IllegalArgumentException(
          "a new head must have 1 to %d subclasses per class, got %d"
              .formatted(MAX_SUBCLASSES, subclasses));
    }
    if (subclasses > 1 && (!hidden.isEmpty() || scale > 1)) {
      throw new IllegalArgumentException(
          "a head with subclasses must have no hidden layers and a scale of 1");
    }
  }

  public NewHead(List<Integer> hidden, int scale) {
    this(hidden, scale, 1);
  }

  /** Creates a head that does not upsample. */
  public static NewHead of(Integer... hidden) {
    return new NewHead(List.of(hidden), 1);
  }

  boolean resizes() {
    return scale > 1;
  }

  /** Returns the input width of each layer, including the last. */
  int[] inputs(int dim) {
    return IntStream.rangeClosed(0, hidden.size())
        .map(layer -> layer == 0 ? dim : hidden.get(layer - 1))
        .toArray();
  }
}

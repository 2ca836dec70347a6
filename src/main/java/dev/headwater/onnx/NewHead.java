package dev.headwater.onnx;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A head that has yet to be trained, for any backbone: hidden layers with Relu, then a linear layer
 * that knows no classes yet. On vectors [N, D] the layers are Gemm; on maps [N, C, H, W] the hidden
 * ones are 3×3 convolutions, for what surrounds a place tells as well, and the last is 1×1. A class
 * that lies in several places of the features can have several rows of weights, its subclasses: its
 * logit is the logarithm of the sum of their exponentials (subclass discriminant analysis: Zhu and
 * Martinez 2006), times one factor for all classes.
 *
 * @param hidden widths of the hidden layers, nearest the features first; empty for a linear head
 * @param scale how many times finer than the features' map the answer's is, across and down: what
 *     lies between two places is interpolated; 1 leaves it as it is
 * @param subclasses how many rows each class has in the last layer; above 1 only on vectors,
 *     without hidden layers
 */
public record NewHead(List<Integer> hidden, int scale, int subclasses) {
  private static final int MOST_HIDDEN = 8;

  /** Of a hidden layer's kernel on maps. */
  static final int SIDE = 3;

  private static final int WIDEST = 65_536;
  private static final int MOST_SUBCLASSES = 256;

  public static final NewHead LINEAR = new NewHead(List.of(), 1, 1);

  public NewHead {
    hidden = List.copyOf(hidden);
    if (hidden.size() > MOST_HIDDEN || hidden.stream().anyMatch(w -> w < 1 || w > WIDEST)) {
      throw new IllegalArgumentException(
          "a new head has at most %d hidden layers of 1 to %d units, got %s"
              .formatted(MOST_HIDDEN, WIDEST, hidden));
    }
    if (scale < 1) {
      throw new IllegalArgumentException("a new head's scale is 1 or more, got " + scale);
    }
    if (subclasses < 1 || subclasses > MOST_SUBCLASSES) {
      throw new IllegalArgumentException(
          "a new head has 1 to %d subclasses a class, got %d"
              .formatted(MOST_SUBCLASSES, subclasses));
    }
    if (subclasses > 1 && (!hidden.isEmpty() || scale > 1)) {
      throw new IllegalArgumentException(
          "a head with subclasses stands on vectors and has no hidden layers");
    }
  }

  public NewHead(List<Integer> hidden, int scale) {
    this(hidden, scale, 1);
  }

  /** On vectors, or on maps of the size they have. */
  public static NewHead of(Integer... hidden) {
    return new NewHead(List.of(hidden), 1);
  }

  boolean resizes() {
    return scale > 1;
  }

  /** What goes into each layer, the last one included. */
  int[] inputs(int dim) {
    return IntStream.rangeClosed(0, hidden.size())
        .map(layer -> layer == 0 ? dim : hidden.get(layer - 1))
        .toArray();
  }
}

package dev.headwater.onnx.graph;

import org.jspecify.annotations.Nullable;

/**
 * A layer with a weight matrix or kernel: one node, or two where its bias is a separate Add.
 *
 * @param position of the node with the weight
 * @param last position of the node that makes the output: the same, or that of the Add
 * @param data the tensor it is applied to
 * @param output the tensor it makes
 * @param weight its weight; {@code null} only where {@link #kind} is QUANTIZED
 * @param weightInput which input of the node the weight is
 * @param bias its bias, or {@code null}
 * @param biasInput which input of the node at {@link #last} the bias is; -1 without bias
 * @param obstacle why it cannot be a linear head, as the rest of a sentence; {@code null} if it can
 */
public record Layer(
    Kind kind,
    int position,
    int last,
    String data,
    String output,
    @Nullable Constant weight,
    int weightInput,
    @Nullable Constant bias,
    int biasInput,
    @Nullable String obstacle) {

  /** How a layer is spelt. Only the first three can be a linear head. */
  public enum Kind {
    GEMM,
    MATMUL,
    CONV,
    OTHER,
    QUANTIZED
  }

  /** Whether it can serve and be trained as one linear layer. */
  public boolean linear() {
    return obstacle == null;
  }

  /** Whether the weight is [classes, dim, ...] rather than [dim, classes]. Linear layers only. */
  public boolean classesFirst(Graph graph) {
    return kind == Kind.CONV
        || (kind == Kind.GEMM && Graph.integer(graph.node(position), "transB", 0) != 0);
  }

  /** The weight's dimension at {@code classes} or else features. Linear layers only. */
  public int width(Graph graph, boolean classes) {
    return Math.toIntExact(weights().dims()[classes == classesFirst(graph) ? 0 : 1]);
  }

  /** The weight of a layer that has one as a constant. */
  public Constant weights() {
    if (weight == null) {
      throw new IllegalStateException("the layer that makes `" + output + "` is quantized");
    }
    return weight;
  }
}

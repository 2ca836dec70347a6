package dev.headwater.onnx.graph;

import org.jspecify.annotations.Nullable;

/**
 * A layer with a weight matrix or kernel: one node, or two where its bias is a separate Add.
 *
 * @param position position of the node with the weight
 * @param last position of the node that produces the output: the same node, or the Add
 * @param data the input tensor of the layer
 * @param output the output tensor of the layer
 * @param weight the weight; {@code null} only if {@link #kind} is QUANTIZED
 * @param weightInput index of the weight among the node's inputs
 * @param bias the bias, or {@code null}
 * @param biasInput index of the bias among the inputs of the node at {@link #last}; -1 without bias
 * @param obstacle why the layer cannot be a linear head, as the rest of a sentence; {@code null} if
 *     it can
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

  /** The operator of a layer. Only the first three can be a linear head. */
  public enum Kind {
    GEMM,
    MATMUL,
    CONV,
    OTHER,
    QUANTIZED
  }

  /** Returns whether the layer can be scored and trained as one linear layer. */
  public boolean linear() {
    return obstacle == null;
  }

  /**
   * Returns whether the weight has shape [classes, dim, ...] rather than [dim, classes]. Linear
   * layers only.
   */
  public boolean classesFirst(Graph graph) {
    return kind == Kind.CONV
        || (kind == Kind.GEMM && Graph.integer(graph.node(position), "transB", 0) != 0);
  }

  /** Returns the number of classes, or else of features. Linear layers only. */
  public int width(Graph graph, boolean classes) {
    return Math.toIntExact(weights().dims()[classes == classesFirst(graph) ? 0 : 1]);
  }

  /**
   * Returns the constant weight.
   *
   * @throws IllegalStateException if the layer is quantized
   */
  public Constant weights() {
    if (weight == null) {
      throw new IllegalStateException("the layer with output `" + output + "` is quantized");
    }
    return weight;
  }
}

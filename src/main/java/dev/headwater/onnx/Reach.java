package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Constant;
import dev.headwater.onnx.graph.Graph;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The receptive field radius of a dense head on its feature map: (kernel - 1) / 2 · dilation of
 * each convolution, summed over the longest path (Araujo et al. 2019). Defined if every node is
 * local, at the features' resolution or an integer factor finer.
 */
final class Reach {
  /** Operators that compute each position from that position alone. */
  private static final Set<String> POINTWISE =
      Set.of(
          ("Abs Add BatchNormalization Cast Celu Clip Div Dropout Elu Erf Exp Gelu HardSigmoid"
                  + " HardSwish Identity LeakyRelu Log Mish Mul Neg PRelu Pow Relu Selu Sigmoid"
                  + " Softplus Sqrt Sub Tanh")
              .split(" "));

  private static final Set<String> BY_CHANNEL = Set.of("Concat", "Softmax", "LogSoftmax");

  private static final String RESIZE = "Resize";

  private static final Set<String> LOCAL_COORDINATES =
      Set.of("half_pixel", "pytorch_half_pixel", "asymmetric");

  private Reach() {}

  /**
   * Returns the radius in pixels of the features.
   *
   * @param weights the shape of each parameter of the head
   * @throws OnnxException if a node is not local; the message names it
   */
  static int of(GraphProto head, List<String> features, Map<String, long[]> weights, String logits)
      throws OnnxException {
    Set<String> given = new HashSet<>(features);
    given.addAll(weights.keySet());
    Graph graph = new Graph(head);
    GraphProto slice = graph.slice(given, List.of(logits)).build();
    Map<String, Integer> radii = new HashMap<>();
    Map<String, Integer> upsampling = new HashMap<>();
    features.forEach(feature -> radii.put(feature, 0));
    for (NodeProto node : slice.getNodeList()) {
      int before =
          Graph.uses(node).stream().mapToInt(i -> radii.getOrDefault(i, -1)).max().orElse(-1);
      if (before >= 0) { // otherwise the node computes a constant
        int fine =
            Graph.uses(node).stream().mapToInt(i -> upsampling.getOrDefault(i, 1)).max().orElse(1);
        int after = before + (radius(node, weights) + fine - 1) / fine;
        int scale = node.getOpType().equals(RESIZE) ? fine * scale(graph, node) : fine;
        node.getOutputList().forEach(output -> radii.put(output, after));
        node.getOutputList().forEach(output -> upsampling.put(output, scale));
      }
    }
    return radii.getOrDefault(logits, 0);
  }

  private static int radius(NodeProto node, Map<String, long[]> weights) throws OnnxException {
    String op = node.getOpType();
    if (POINTWISE.contains(op)) {
      return 0;
    }
    if (BY_CHANNEL.contains(op) && Graph.integer(node, "axis", -1) == 1) {
      return 0;
    }
    if (op.equals(RESIZE)) {
      return 1; // interpolates between two positions
    }
    if (op.equals("Conv")) {
      return convolution(node, weights);
    }
    throw notLocal(node, "is not a local operator");
  }

  private static int convolution(NodeProto node, Map<String, long[]> weights) throws OnnxException {
    List<Long> kernel = list(node, "kernel_shape");
    if (kernel.isEmpty()) {
      long[] weight = weights.getOrDefault(node.getInput(1), new long[0]);
      kernel = Arrays.stream(weight).skip(2).boxed().toList();
    }
    if (kernel.isEmpty() || list(node, "strides").stream().anyMatch(stride -> stride != 1)) {
      throw notLocal(node, "changes the resolution");
    }
    List<Long> dilations = list(node, "dilations");
    List<Long> pads = list(node, "pads");
    boolean same =
        Graph.attribute(node, "auto_pad")
            .map(a -> a.getS().toStringUtf8().startsWith("SAME"))
            .orElse(false);
    int axes = kernel.size();
    long radius = 0;
    for (int i = 0; i < axes; i++) {
      long span = (kernel.get(i) - 1) * (dilations.isEmpty() ? 1 : dilations.get(i));
      boolean kept =
          same
              || (pads.isEmpty()
                  ? span == 0
                  : pads.get(i) * 2 == span && pads.get(axes + i) * 2 == span);
      if (!kept || span % 2 != 0) {
        throw notLocal(node, "changes the resolution");
      }
      radius = Math.max(radius, span / 2);
    }
    return Math.toIntExact(radius);
  }

  private static int scale(Graph graph, NodeProto node) throws OnnxException {
    int factor = factor(graph, node);
    if (factor == 0) {
      throw notLocal(node, "does not upsample by an integer factor");
    }
    return factor;
  }

  /** Returns the integer factor, equal for both axes, by which a Resize upsamples; 0 if none. */
  static int factor(Graph graph, NodeProto node) {
    float[] scales =
        node.getInputCount() != 3
            ? new float[0]
            : Constant.resolve(graph, node.getInput(2))
                .filter(constant -> constant.obstacle() == null)
                .map(Constant::values)
                .orElse(new float[0]);
    boolean whole =
        scales.length == 4
            && scales[0] == 1
            && scales[1] == 1
            && scales[2] == scales[3]
            && scales[2] == (int) scales[2]
            && scales[2] >= 1;
    boolean local =
        LOCAL_COORDINATES.contains(text(node, "coordinate_transformation_mode", "half_pixel"))
            && !text(node, "mode", "nearest").equals("cubic");
    return whole && local && Graph.integer(node, "antialias", 0) == 0 ? (int) scales[2] : 0;
  }

  private static String text(NodeProto node, String name, String defaultValue) {
    return Graph.attribute(node, name).map(a -> a.getS().toStringUtf8()).orElse(defaultValue);
  }

  private static List<Long> list(NodeProto node, String name) {
    return Graph.attribute(node, name).map(a -> a.getIntsList()).orElse(List.of());
  }

  private static OnnxException notLocal(NodeProto node, String reason) {
    return new OnnxException(
        "A dense head is trained on feature tiles, but the %s node with output `%s` %s: cut after it."
            .formatted(node.getOpType(), node.getOutput(0), reason));
  }
}

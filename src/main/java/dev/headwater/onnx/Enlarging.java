package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Numbers;
import dev.headwater.onnx.graph.Shapes;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Replaces target sizes of Resize nodes by scales. */
final class Enlarging {
  private Enlarging() {}

  /**
   * Returns the graph with each Resize of the head that upsamples to a size by integer factors
   * using those factors as scales. The head then treats a tile of a map like the whole map.
   */
  static Graph byFactors(Graph graph, Set<Integer> head) {
    GraphProto.Builder scaled = graph.proto().toBuilder();
    for (int position : head) {
      NodeProto node = graph.node(position);
      float[] factors = factors(graph, node);
      if (factors != null) {
        String name = graph.unused(node.getOutput(0) + ".factors");
        List<String> inputs = List.of(node.getInput(0), node.getInput(1), name);
        scaled
            .addInitializer(Numbers.tensor(name, new long[] {factors.length}, factors))
            .setNode(position, node.toBuilder().clearInput().addAllInput(inputs));
      }
    }
    return scaled.getInitializerCount() == graph.proto().getInitializerCount()
        ? graph
        : new Graph(scaled.build());
  }

  /** Returns the integer factors of a Resize to a size; null if they are not integer or unknown. */
  private static float @Nullable [] factors(Graph graph, NodeProto node) {
    if (!node.getOpType().equals("Resize")
        || node.getInputCount() != 4
        || Graph.attribute(node, "keep_aspect_ratio_policy").isPresent()
        || Graph.attribute(node, "axes").isPresent()) {
      return null;
    }
    Shapes.Size to = graph.shapes().size(node.getInput(3)).orElse(null);
    long[] from = graph.shapes().shape(node.getInput(0)).orElse(new long[0]);
    if (to == null || from.length != 4 || to.plus().length != 4 || to.plus()[1] != from[1]) {
      return null;
    }
    float[] factors = {1, 1, 1, 1};
    for (int axis = 2; axis < 4; axis++) {
      if (from[axis] < 1 || to.plus()[axis] < 1 || to.plus()[axis] % from[axis] != 0) {
        return null;
      }
      factors[axis] = to.plus()[axis] / from[axis];
    }
    return factors;
  }
}

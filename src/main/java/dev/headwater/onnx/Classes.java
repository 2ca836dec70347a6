package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.headwater.onnx.graph.Graph;
import java.util.HashMap;
import java.util.Map;

/** Follows the class axis from the logits to the outputs, to write a new class count there. */
final class Classes {
  /** By tensor; -1 for the last axis. */
  private final Map<String, Integer> axes = new HashMap<>();

  private Classes() {}

  static Classes from(Graph graph, String logits, int axis) {
    Classes classes = new Classes();
    classes.axes.put(logits, axis);
    for (NodeProto node : graph.proto().getNodeList()) {
      Integer before = node.getInputCount() > 0 ? classes.axes.get(node.getInput(0)) : null;
      boolean kept = Tail.looksThrough(node) && !node.getOpType().equals("ArgMax");
      if (before != null && kept && node.getOutputCount() > 0) {
        classes.axes.put(node.getOutput(0), before);
      }
    }
    return classes;
  }

  /** The declaration with the new count; an axis that may be another's is left dynamic. */
  ValueInfoProto resized(ValueInfoProto output, int before, int now) {
    ValueInfoProto.Builder resized = output.toBuilder();
    if (!output.getType().getTensorType().hasShape()) {
      return output;
    }
    TensorShapeProto.Builder shape =
        resized.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
    Integer axis = axes.get(output.getName());
    int at = axis == null ? -1 : axis < 0 ? shape.getDimCount() + axis : axis;
    for (int i = 0; i < shape.getDimCount(); i++) {
      if (i == at) {
        shape.setDim(i, TensorShapeProto.Dimension.newBuilder().setDimValue(now));
      } else if (axis == null && shape.getDim(i).getDimValue() == before) {
        shape.setDim(i, TensorShapeProto.Dimension.getDefaultInstance());
      }
    }
    return resized.build();
  }
}

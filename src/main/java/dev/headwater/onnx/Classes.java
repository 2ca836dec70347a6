package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.headwater.onnx.graph.Graph;
import java.util.HashMap;
import java.util.Map;

/** Tracks the class axis from the logits to the outputs, to declare a new class count there. */
final class Classes {
  /** The class axis by tensor; -1 for the last axis. */
  private final Map<String, Integer> axes = new HashMap<>();

  private Classes() {}

  static Classes from(Graph graph, String logits, int axis) {
    Classes classes = new Classes();
    classes.axes.put(logits, axis);
    for (NodeProto node : graph.proto().getNodeList()) {
      Integer axisBefore = node.getInputCount() > 0 ? classes.axes.get(node.getInput(0)) : null;
      boolean kept = Tail.looksThrough(node) && !node.getOpType().equals("ArgMax");
      if (axisBefore != null && kept && node.getOutputCount() > 0) {
        classes.axes.put(node.getOutput(0), axisBefore);
      }
    }
    return classes;
  }

  /** Returns the value info with the new class count; an ambiguous axis becomes dynamic. */
  ValueInfoProto resized(ValueInfoProto output, int oldCount, int newCount) {
    ValueInfoProto.Builder resized = output.toBuilder();
    if (!output.getType().getTensorType().hasShape()) {
      return output;
    }
    TensorShapeProto.Builder shape =
        resized.getTypeBuilder().getTensorTypeBuilder().getShapeBuilder();
    Integer axis = axes.get(output.getName());
    int classAxis = axis == null ? -1 : axis < 0 ? shape.getDimCount() + axis : axis;
    for (int i = 0; i < shape.getDimCount(); i++) {
      if (i == classAxis) {
        shape.setDim(i, TensorShapeProto.Dimension.newBuilder().setDimValue(newCount));
      } else if (axis == null && shape.getDim(i).getDimValue() == oldCount) {
        shape.setDim(i, TensorShapeProto.Dimension.getDefaultInstance());
      }
    }
    return resized.build();
  }
}

package dev.headwater.adapt;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Converts between the named head tensors of a bundle and {@link LinearHead}.
 *
 * @param dim length of a feature vector
 */
public record HeadLayout(LinearLayer layer, int dim) {

  /**
   * @throws IllegalArgumentException if the task's head is not one linear layer on a vector
   */
  public static HeadLayout of(Task task) {
    LinearLayer layer =
        task.split()
            .linear()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "task %s: expected a head of one linear layer; cut before the last layer"
                            .formatted(task.name())));
    if (task.split().dim() < 1) {
      throw new IllegalArgumentException(
          "task %s: expected a vector of fixed length at the cut %s"
              .formatted(task.name(), task.split().features()));
    }
    return new HeadLayout(layer, task.split().dim());
  }

  boolean biased() {
    return layer.bias() != null;
  }

  /** Returns a copy of the head's weights. */
  public LinearHead linear(Head head) {
    int classes = head.info().labels().size();
    float[] weight = tensor(head, layer.weight());
    float[] bias = layer.bias() == null ? new float[classes] : tensor(head, layer.bias());
    return new LinearHead(
        classes,
        dim,
        layer.classesFirst() ? weight.clone() : transposed(weight, 1, dim, classes),
        bias.clone());
  }

  Map<String, Tensor> tensors(LinearHead head) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    int classes = head.classes();
    tensors.put(
        layer.weight(),
        layer.classesFirst()
            ? new Tensor(new long[] {classes, dim}, head.weight().clone())
            : new Tensor(new long[] {dim, classes}, transposed(head.weight(), 1, classes, dim)));
    if (layer.bias() != null) {
      tensors.put(layer.bias(), new Tensor(new long[] {classes}, head.bias().clone()));
    }
    return tensors;
  }

  /**
   * @throws IllegalArgumentException if the head has no tensor of this name
   */
  static float[] tensor(Head head, String name) {
    Tensor tensor = head.tensors().get(name);
    if (tensor == null) {
      throw new IllegalArgumentException(
          "head %d of task %s has no tensor %s"
              .formatted(head.info().version(), head.info().task(), name));
    }
    return tensor.values();
  }

  /** Transposes [count, rows, columns] to [count, columns, rows]. */
  static float[] transposed(float[] values, int count, int rows, int columns) {
    float[] transposed = new float[values.length];
    for (int i = 0; i < count; i++) {
      int from = i * rows * columns;
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          transposed[from + column * rows + row] = values[from + row * columns + column];
        }
      }
    }
    return transposed;
  }
}

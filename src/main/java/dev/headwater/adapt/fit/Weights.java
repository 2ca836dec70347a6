package dev.headwater.adapt.fit;

import dev.headwater.onnx.Split;
import dev.headwater.schema.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The named parameter tensors of a head, convertible to one flat array in iteration order.
 *
 * @param tensors parameter tensors by name
 */
public record Weights(Map<String, Tensor> tensors) {

  /** Returns the mean of weights of the same shapes. */
  public static Weights mean(List<Weights> all) {
    Weights first = all.get(0);
    float[] mean = new float[first.size()];
    for (Weights weights : all) {
      float[] flat = weights.flat();
      for (int i = 0; i < mean.length; i++) {
        mean[i] += flat[i] / all.size();
      }
    }
    return first.of(mean);
  }

  float[] flat() {
    float[] flat = new float[size()];
    int at = 0;
    for (Tensor tensor : tensors.values()) {
      System.arraycopy(tensor.values(), 0, flat, at, tensor.values().length);
      at += tensor.values().length;
    }
    return flat;
  }

  /** Returns tensors of the same shapes with the given values. */
  Weights of(float[] flat) {
    Map<String, Tensor> filled = new LinkedHashMap<>();
    int at = 0;
    for (Map.Entry<String, Tensor> entry : tensors.entrySet()) {
      Tensor shape = entry.getValue();
      int end = at + shape.values().length;
      filled.put(entry.getKey(), new Tensor(shape.shape(), Arrays.copyOfRange(flat, at, end)));
      at = end;
    }
    return new Weights(filled);
  }

  /** Returns whether no tensor is empty. The last layer of a head without classes is empty. */
  public boolean begun() {
    return tensors.values().stream().allMatch(tensor -> tensor.values().length > 0);
  }

  int size() {
    return tensors.values().stream().mapToInt(tensor -> tensor.values().length).sum();
  }

  /** Returns weights for more classes: new rows are zeros, new biases the mean of the existing. */
  public Weights grown(Split split, int classes) {
    Map<String, Tensor> grown = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          int axis = split.classAxis(name);
          grown.put(
              name,
              axis < 0 || tensor.shape()[axis] >= classes ? tensor : grown(tensor, axis, classes));
        });
    return new Weights(grown);
  }

  private static Tensor grown(Tensor tensor, int axis, int classes) {
    long[] shape = tensor.shape().clone();
    int before = (int) shape[axis];
    shape[axis] = classes;
    int inner = (int) Arrays.stream(shape).skip(axis + 1).reduce(1, Math::multiplyExact);
    int outer = (int) Arrays.stream(shape).limit(axis).reduce(1, Math::multiplyExact);
    float[] values = new float[outer * classes * inner];
    for (int o = 0; o < outer; o++) {
      System.arraycopy(
          tensor.values(), o * before * inner, values, o * classes * inner, before * inner);
    }
    if (shape.length == 1 && before > 0) {
      double sum = 0;
      for (float value : tensor.values()) {
        sum += value;
      }
      Arrays.fill(values, before, classes, (float) (sum / before));
    }
    return new Tensor(shape, values);
  }

  /** Scales the last layer, so that the logits become {@code factor} · logits + {@code shift}. */
  public Weights scaled(Split split, double factor, double shift) {
    Map<String, Tensor> scaled = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) ->
            scaled.put(name, split.classAxis(name) < 0 ? tensor : scaled(tensor, factor, shift)));
    return new Weights(scaled);
  }

  private static Tensor scaled(Tensor tensor, double factor, double shift) {
    double biasShift = tensor.shape().length == 1 ? shift : 0; // 1-D tensors are biases
    float[] values = tensor.values().clone();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] * factor + biasShift);
    }
    return new Tensor(tensor.shape(), values);
  }
}

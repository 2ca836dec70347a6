package dev.headwater.bundle;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Encodes records that all have the same number of values as one float32 tensor. */
final class FloatRows {

  /** One record's values, in row-major order of the tensor. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Numbers(float[] values) implements Decoded.Encoded {
    @Override
    public int length() {
      return 1;
    }
  }

  /**
   * Returns the model's only input if it is float32, has this rank and a dynamic batch dimension;
   * otherwise null.
   */
  static @Nullable TensorInfo input(List<TensorInfo> inputs, int rank) {
    TensorInfo input = input(inputs);
    return input != null && input.shape().length == rank ? input : null;
  }

  /** Returns the model's only input if it is float32 with a dynamic batch dimension, or null. */
  static @Nullable TensorInfo input(List<TensorInfo> inputs) {
    TensorInfo input = inputs.size() == 1 ? inputs.get(0) : null;
    return input != null
            && input.type() == ElementType.FLOAT
            && input.shape().length > 0
            && input.shape()[0] <= 0
        ? input
        : null;
  }

  private final String input;
  private final long[] shape;
  private final int size;

  /**
   * @param input name of the model input
   * @param shape shape of one record
   */
  FloatRows(String input, long... shape) {
    this.input = input;
    this.shape = shape.clone();
    size = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
  }

  /** Returns the number of values per record. */
  int size() {
    return size;
  }

  List<ModelInput> batch(List<Decoded> records) {
    FloatBuffer rows =
        ByteBuffer.allocateDirect(
                Math.multiplyExact(records.size(), Math.multiplyExact(size, Float.BYTES)))
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    for (Decoded record : records) {
      rows.put(((Numbers) record.input()).values());
    }
    long[] batchShape = new long[shape.length + 1];
    batchShape[0] = records.size();
    System.arraycopy(shape, 0, batchShape, 1, shape.length);
    return List.of(new ModelInput(input, batchShape, rows.flip()));
  }
}

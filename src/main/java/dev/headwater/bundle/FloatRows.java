package dev.headwater.bundle;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Records of as many numbers each, as one float32 tensor. */
final class FloatRows {

  /** One record's numbers, in the tensor's order. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Numbers(float[] values) implements Decoded.Encoded {
    @Override
    public int length() {
      return 1;
    }
  }

  /** A network's only input, where that is float32, of this rank and any number of records. */
  static @Nullable TensorInfo input(List<TensorInfo> inputs, int rank) {
    TensorInfo input = input(inputs);
    return input != null && input.shape().length == rank ? input : null;
  }

  /** As above, of any rank. */
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
   * @param input the graph input the rows feed
   * @param shape of one record
   */
  FloatRows(String input, long... shape) {
    this.input = input;
    this.shape = shape.clone();
    size = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
  }

  /** How many numbers a record has. */
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
    long[] whole = new long[shape.length + 1];
    whole[0] = records.size();
    System.arraycopy(shape, 0, whole, 1, shape.length);
    return List.of(new ModelInput(input, whole, rows.flip()));
  }
}

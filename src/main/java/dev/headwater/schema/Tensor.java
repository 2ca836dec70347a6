package dev.headwater.schema;

import java.util.Arrays;
import java.util.List;

/**
 * A dense float32 tensor, row-major. The arrays are not copied: the caller must not modify them.
 *
 * @param shape its product is the length of {@code values}
 */
@SuppressWarnings("ArrayRecordComponent") // bulk data; equality compares the content, see below
public record Tensor(long[] shape, float[] values) {

  public Tensor {
    long size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    if (size != values.length) {
      throw new IllegalArgumentException(
          "shape " + Arrays.toString(shape) + " needs " + size + " values, got " + values.length);
    }
  }

  public static Tensor zeros(long... shape) {
    return new Tensor(shape, new float[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)]);
  }

  /**
   * Stacks rows into one [rows, width] tensor.
   *
   * @param width length of each row
   */
  public static Tensor rows(List<float[]> rows, int width) {
    float[] values = new float[rows.size() * width];
    for (int i = 0; i < rows.size(); i++) {
      System.arraycopy(rows.get(i), 0, values, i * width, width);
    }
    return new Tensor(new long[] {rows.size(), width}, values);
  }

  /** Returns whether every value is finite. */
  public boolean finite() {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Tensor that
        && Arrays.equals(shape, that.shape)
        && Arrays.equals(values, that.values);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(shape) + Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return "Tensor" + Arrays.toString(shape);
  }
}

package dev.headwater.onnx;

import java.util.Arrays;

/**
 * A trainable tensor of a head: float32, row-major, not copied.
 *
 * @param name the name of the head graph's input for this tensor
 * @param shape the dimensions, whose product is the length of {@code values}
 */
@SuppressWarnings("ArrayRecordComponent") // equality is defined on content below
public record Parameter(String name, long[] shape, float[] values) {

  public Parameter {
    long size = Arrays.stream(shape).reduce(1, Math::multiplyExact);
    if (size != values.length) {
      throw new IllegalArgumentException(
          "parameter `%s`: shape %s needs %d values, got %d"
              .formatted(name, Arrays.toString(shape), size, values.length));
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Parameter that
        && name.equals(that.name)
        && Arrays.equals(shape, that.shape)
        && Arrays.equals(values, that.values);
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return name + Arrays.toString(shape);
  }
}

package dev.headwater.bundle;

import dev.headwater.onnx.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decodes raw model input: one value per record, row-major little-endian float32. */
final class TensorDecoder implements RecordDecoder {
  private static final String FIELD = "value";

  /**
   * Returns a decoder, or null if the model does not take one tensor per record; {@code problems}
   * then has the reason.
   */
  static @Nullable TensorDecoder of(List<TensorInfo> inputs, List<String> problems) {
    TensorInfo input = FloatRows.input(inputs);
    if (input == null || Arrays.stream(input.shape()).skip(1).anyMatch(size -> size < 1)) {
      problems.add(
          "input.format: tensor requires a model with one float32 input [N, ...], N dynamic and all"
              + " other sizes fixed; found "
              + inputs);
      return null;
    }
    long[] shape = Arrays.copyOfRange(input.shape(), 1, input.shape().length);
    return new TensorDecoder(new FloatRows(input.name(), shape), Arrays.toString(shape));
  }

  private final FloatRows rows;
  private final String shape;

  private TensorDecoder(FloatRows rows, String shape) {
    this.rows = rows;
    this.shape = shape;
  }

  @Override
  public Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    byte[] bytes = Utf8.present(value);
    if (bytes.length != (long) rows.size() * Float.BYTES) {
      throw new InvalidRecordException(
          FIELD,
          "has %d bytes, expected %d for float32 of shape %s"
              .formatted(bytes.length, (long) rows.size() * Float.BYTES, shape),
          null);
    }
    float[] numbers = new float[rows.size()];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(numbers);
    for (int i = 0; i < numbers.length; i++) {
      if (!Float.isFinite(numbers[i])) {
        throw new InvalidRecordException(FIELD, "is %s at index %d".formatted(numbers[i], i), null);
      }
    }
    return new Decoded(null, List.of(), new FloatRows.Numbers(numbers));
  }

  @Override
  public List<ModelInput> batch(List<Decoded> records) {
    return rows.batch(records);
  }
}

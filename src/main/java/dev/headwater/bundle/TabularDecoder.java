package dev.headwater.bundle;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Numbers out of JSON, as one float32 row a record. */
final class TabularDecoder implements RecordDecoder {

  /** One record's row, as wide as the network's input. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Numbers(float[] values) implements Decoded.Encoded {
    @Override
    public int length() {
      return 1;
    }
  }

  /** Null where the graph does not take one row of numbers a record; {@code problems} says why. */
  static @Nullable TabularDecoder of(
      Manifest.Tabular settings, List<TensorInfo> inputs, List<String> problems) {
    TensorInfo input = inputs.size() == 1 ? inputs.get(0) : null;
    if (input == null
        || input.type() != ElementType.FLOAT
        || input.shape().length != 2
        || input.shape()[0] > 0) {
      problems.add(
          "input.numbers: the network must have one float32 input [N, width], N dynamic; it has "
              + inputs);
      return null;
    }
    long width =
        input.shape()[1] > 0 || settings.array() ? input.shape()[1] : settings.numbers().size();
    if (width < 1) {
      problems.add("input.numbers: the network leaves its width open; list the pointers");
      return null;
    }
    if (!settings.array() && settings.numbers().size() != width) {
      problems.add(
          "input.numbers: " + settings.numbers().size() + " pointers, the network wants " + width);
      return null;
    }
    FieldReader reader =
        new FieldReader(
            settings.id(),
            settings.label(),
            null,
            settings.numbers(),
            settings.array(),
            (int) width);
    return new TabularDecoder(input.name(), (int) width, reader);
  }

  private final String input;
  private final int width;
  private final FieldReader reader;

  /**
   * @param input the graph input the rows feed
   * @param width its length
   */
  private TabularDecoder(String input, int width, FieldReader reader) {
    this.input = input;
    this.width = width;
    this.reader = reader;
  }

  @Override
  public Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    Fields fields = reader.read(value);
    return new Decoded(fields.id(), fields.label(), new Numbers(fields.numbers()));
  }

  @Override
  public List<ModelInput> batch(List<Decoded> records) {
    FloatBuffer rows =
        ByteBuffer.allocateDirect(Math.multiplyExact(records.size(), width * Float.BYTES))
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    for (Decoded record : records) {
      rows.put(((Numbers) record.input()).values());
    }
    return List.of(new ModelInput(input, new long[] {records.size(), width}, rows.flip()));
  }
}

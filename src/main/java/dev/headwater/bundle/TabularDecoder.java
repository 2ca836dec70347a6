package dev.headwater.bundle;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.format.Format;
import dev.headwater.schema.format.ValueReader;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decodes numeric fields to one float32 row per record. */
final class TabularDecoder implements RecordDecoder {

  /**
   * Returns a decoder, or null if the model does not take one row of numbers per record; {@code
   * problems} then has the reason.
   */
  static @Nullable TabularDecoder of(
      Manifest.Tabular settings, List<TensorInfo> inputs, List<String> problems) {
    TensorInfo input = FloatRows.input(inputs, 2);
    if (input == null) {
      problems.add(
          "input.numbers: the model must have one float32 input [N, width], N dynamic; found "
              + inputs);
      return null;
    }
    long width =
        input.shape()[1] > 0 || settings.array() ? input.shape()[1] : settings.numbers().size();
    if (width < 1) {
      problems.add("input.numbers: the model has a dynamic width; list one pointer per number");
      return null;
    }
    if (!settings.array() && settings.numbers().size() != width) {
      problems.add(
          "input.numbers: " + settings.numbers().size() + " pointers, the model expects " + width);
      return null;
    }
    FieldReader reader =
        new FieldReader(
            settings.id(),
            settings.labels(),
            null,
            settings.numbers(),
            settings.array(),
            (int) width);
    FlatReader flat =
        FlatReader.of(
            settings.id(), settings.labels(), settings.numbers(), settings.array(), (int) width);
    return new TabularDecoder(new FloatRows(input.name(), width), flat, reader);
  }

  private final FloatRows rows;
  private final @Nullable FlatReader flat;
  private final FieldReader reader;

  private TabularDecoder(FloatRows rows, @Nullable FlatReader flat, FieldReader reader) {
    this.rows = rows;
    this.flat = flat;
    this.reader = reader;
  }

  @Override
  public Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return decode(ValueReader.JSON, value);
  }

  @Override
  public boolean readsFields() {
    return true;
  }

  @Override
  public Decoded decode(ValueReader values, byte @Nullable [] value) throws InvalidRecordException {
    Fields read = flat == null || values.format() != Format.JSON ? null : flat.read(value);
    Fields fields = read == null ? reader.read(values, value) : read;
    return new Decoded(fields.id(), fields.labels(), new FloatRows.Numbers(fields.numbers()));
  }

  @Override
  public List<ModelInput> batch(List<Decoded> records) {
    return rows.batch(records);
  }
}

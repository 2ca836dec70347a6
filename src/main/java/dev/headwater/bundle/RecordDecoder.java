package dev.headwater.bundle;

import dev.headwater.schema.format.ValueReader;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decodes record bytes to model inputs. Thread-safe. */
public interface RecordDecoder {

  /**
   * Decodes one record. All validation happens here, so that an invalid record never joins a batch.
   *
   * @throws InvalidRecordException with the invalid field and the cause
   */
  Decoded decode(byte @Nullable [] value) throws InvalidRecordException;

  /**
   * Decodes one record in another format.
   *
   * @param values reader of its fields; ignored if the whole value is the input
   */
  default Decoded decode(ValueReader values, byte @Nullable [] value)
      throws InvalidRecordException {
    return decode(value);
  }

  /** Returns whether it reads fields of a record; otherwise the whole value is the input. */
  default boolean readsFields() {
    return false;
  }

  /** Returns the padded length of each record in a batch whose longest record has this length. */
  default int padded(int longest) {
    return longest;
  }

  /** Returns whether all records have the same padded length in every batch. */
  default boolean sameLength() {
    return true;
  }

  /** Returns the tensors of a batch, padded to its longest record; row i is record i. */
  List<ModelInput> batch(List<Decoded> records);
}

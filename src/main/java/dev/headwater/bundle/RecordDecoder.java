package dev.headwater.bundle;

import dev.headwater.schema.format.ValueReader;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** From a record's bytes to the network's inputs. Thread-safe. */
public interface RecordDecoder {

  /**
   * Reads and encodes one record. Everything that can be wrong with a record is found here, so that
   * a bad one never joins a batch.
   *
   * @throws InvalidRecordException naming the field and what is wrong with it
   */
  Decoded decode(byte @Nullable [] value) throws InvalidRecordException;

  /**
   * The same of a record in another form.
   *
   * @param values how its fields are found; where the whole value is the input, it has no say
   */
  default Decoded decode(ValueReader values, byte @Nullable [] value)
      throws InvalidRecordException {
    return decode(value);
  }

  /** Whether a record has fields; else the whole value is the input. */
  default boolean readsFields() {
    return false;
  }

  /** Positions a record takes in a batch whose longest is of this length. */
  default int padded(int longest) {
    return longest;
  }

  /** Whether all records take as many positions, whatever else is in their batch. */
  default boolean sameLength() {
    return true;
  }

  /** The tensors of a batch, padded to its longest record; row i is record i. */
  List<ModelInput> batch(List<Decoded> records);
}

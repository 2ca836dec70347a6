package dev.headwater.bundle;

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

  /** The tensors of a batch, padded to its longest record; row i is record i. */
  List<ModelInput> batch(List<Decoded> records);
}

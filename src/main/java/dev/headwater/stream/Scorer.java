package dev.headwater.stream;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Source;
import dev.headwater.scoring.Outcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the topology needs of the network: one answer a record, and to say which it reads. */
interface Scorer {

  /**
   * The live heads' answer to a record, or a canary's.
   *
   * @param key by which it is one's or the other's; null where that is by the record's own id
   * @throws InvalidRecordException if no head can ever answer it
   */
  Answer answer(Source source, byte @Nullable [] key, byte @Nullable [] value)
      throws InvalidRecordException;

  /** This partition of every records topic is scored here from now on. */
  void opened(int partition);

  /** No longer. */
  void closed(int partition);

  /**
   * @param recordId null where the record brings none
   * @param outcomes by task
   */
  record Answer(@Nullable String recordId, List<Outcome> outcomes) {}
}

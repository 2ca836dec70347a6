package dev.headwater.stream;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Source;
import dev.headwater.scoring.Outcome;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Scores records for the topology. */
interface Scorer {

  /**
   * Scores a record with the live heads, or a canary.
   *
   * @param key selects canary or live head; null selects by the record id
   * @throws InvalidRecordException if the record is invalid
   */
  Result score(Source source, byte @Nullable [] key, byte @Nullable [] value)
      throws InvalidRecordException;

  /** Called when this partition of every records topic is assigned to this instance. */
  void opened(int partition);

  /** Called when it is revoked. */
  void closed(int partition);

  /**
   * The outcomes of a record.
   *
   * @param recordId id in the record value; null if there is none
   * @param outcomes outcomes by task
   */
  record Result(@Nullable String recordId, List<Outcome> outcomes) {}
}

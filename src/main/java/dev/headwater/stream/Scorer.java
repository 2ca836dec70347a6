package dev.headwater.stream;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.scoring.KindAnswer;
import dev.headwater.scoring.Segmentation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the topology needs of the network: one answer a record, and to say which it reads. */
interface Scorer {

  /**
   * The live heads' answer to a record.
   *
   * @throws InvalidRecordException if no head can ever answer it
   */
  Answer answer(Source source, byte @Nullable [] value) throws InvalidRecordException;

  /** This partition of every records topic is scored here from now on. */
  void opened(int partition);

  /** No longer. */
  void closed(int partition);

  /**
   * @param recordId null where the record brings none
   * @param outcomes by task
   */
  record Answer(@Nullable String recordId, List<Outcome> outcomes) {}

  /**
   * What is said of a record for one task.
   *
   * @param label the inline label, null where there is none
   * @param top labels best first, empty while no head is live
   * @param certainty by the measure of the selection; 0 while no head is live
   * @param headVersion 0 while no head is live
   * @param frozen what the head that never learns says, where comparison is on
   * @param pixels what is said of each pixel, null while no head is live and but for dense tasks
   * @param pixelCertainties by the measure of the selection, null where {@code pixels} is
   * @param frozenPixels as {@code frozen}, of a dense task
   * @param said in the words of a task that does not tell one label, null of any other
   */
  @SuppressWarnings("ArrayRecordComponent") // passed on at once, never compared
  record Outcome(
      @Nullable String label,
      float[] features,
      List<Scored> top,
      double certainty,
      long headVersion,
      @Nullable Scored frozen,
      @Nullable Segmentation pixels,
      float @Nullable [] pixelCertainties,
      @Nullable Segmentation frozenPixels,
      @Nullable KindAnswer said) {
    /** Of a task that gives records a label. */
    Outcome(
        @Nullable String label,
        float[] features,
        List<Scored> top,
        double certainty,
        long headVersion,
        @Nullable Scored frozen) {
      this(label, features, top, certainty, headVersion, frozen, null, null, null, null);
    }

    @Nullable Scored best() {
      return said != null ? said.said() : top.isEmpty() ? null : top.get(0);
    }

    /** Whether a head was live. */
    boolean scored() {
      return pixels != null || said != null || !top.isEmpty();
    }

    /** Of the label or of the mask; 0 while no head is live. */
    double confidence() {
      Scored best = best();
      return pixels != null ? pixels.confidence() : best == null ? 0 : best.confidence();
    }
  }
}

package dev.headwater.scoring;

import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the backbone made of one record, with what the head live at that moment said of it. A pure
 * function of the record's bytes and that head, so it may be computed ahead, kept or recomputed.
 */
public final class Inference {
  private static final int OVERHEAD = 160;

  private final @Nullable String recordId;
  private final List<@Nullable String> labels;
  private final List<Finding> findings;

  /**
   * @param findings by task
   */
  Inference(Decoded record, List<Finding> findings) {
    recordId = record.recordId();
    labels = record.labels();
    this.findings = findings;
  }

  /**
   * What was found for one task.
   *
   * @param live what the head live at that moment said, null in a cold start
   * @param frozen what the head that never learns said, null where it was not asked
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Finding(float[] features, @Nullable Logits live, @Nullable Logits frozen) {
    private int floats() {
      int count = features.length + (live == null ? 0 : live.values().length);
      return count + (frozen == null || frozen == live ? 0 : frozen.values().length);
    }
  }

  /** The id found in the record, null where the bundle names no field for it. */
  public @Nullable String recordId() {
    return recordId;
  }

  /** The inline label for a task, null where the record has none. */
  public @Nullable String label(int task) {
    return task < labels.size() ? labels.get(task) : null;
  }

  /** The value at a task's cut. The array itself: not to be written to. */
  public float[] features(int task) {
    return findings.get(task).features();
  }

  /** Memory this takes, roughly, for whoever keeps many. */
  public long bytes() {
    long floats = 0;
    for (Finding finding : findings) {
      floats += finding.floats(); // of features that tasks share, too often: a bound from above
    }
    int characters = recordId == null ? 0 : recordId.length();
    for (String label : labels) {
      characters += label == null ? 0 : label.length();
    }
    return OVERHEAD + floats * Float.BYTES + 2L * characters;
  }

  /** Numbers no head can judge, as from inputs near the end of the float range, are refused. */
  Inference requireFinite() throws InvalidRecordException {
    float[] checked = null;
    for (Finding finding : findings) {
      if (finding.features() == checked) { // tasks that share a cut share the array
        continue;
      }
      checked = finding.features();
      for (float feature : checked) {
        if (!Float.isFinite(feature)) {
          throw new InvalidRecordException("value", "gives features that are not finite", recordId);
        }
      }
    }
    return this;
  }

  Finding finding(int task) {
    return findings.get(task);
  }
}

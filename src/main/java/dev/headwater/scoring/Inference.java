package dev.headwater.scoring;

import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The features and logits of one record for every task. They are a pure function of the record's
 * bytes and the live heads, and may therefore be computed ahead, cached or recomputed.
 */
public final class Inference {
  private static final int OVERHEAD = 160;

  private final @Nullable String recordId;
  private final List<@Nullable String> labels;
  private final List<Finding> findings;

  /**
   * @param findings one per task, in the order of the bundle
   */
  Inference(Decoded record, List<Finding> findings) {
    recordId = record.recordId();
    labels = record.labels();
    this.findings = findings;
  }

  /**
   * The features and logits of one task.
   *
   * @param live logits of the live head; null in a cold start
   * @param frozen logits of the frozen head; null if the comparison is off
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Finding(float[] features, @Nullable Logits live, @Nullable Logits frozen) {
    private int floatCount() {
      int count = features.length + (live == null ? 0 : live.values().length);
      return count + (frozen == null || frozen == live ? 0 : frozen.values().length);
    }
  }

  /** Returns the record id; null if the bundle configures no field for it. */
  public @Nullable String recordId() {
    return recordId;
  }

  /** Returns the inline label for a task; null if the record has none. */
  public @Nullable String label(int task) {
    return task < labels.size() ? labels.get(task) : null;
  }

  /** Returns the features of a task. The array is not a copy and must not be modified. */
  public float[] features(int task) {
    return findings.get(task).features();
  }

  /** Returns the approximate memory usage in bytes. */
  public long bytes() {
    long floatCount = 0;
    for (Finding finding : findings) {
      floatCount +=
          finding.floatCount(); // an upper bound: features that tasks share count repeatedly
    }
    int characters = recordId == null ? 0 : recordId.length();
    for (String label : labels) {
      characters += label == null ? 0 : label.length();
    }
    return OVERHEAD + floatCount * Float.BYTES + 2L * characters;
  }

  /** Rejects non-finite features, such as those of inputs near the limits of the float range. */
  Inference requireFinite() throws InvalidRecordException {
    float[] checked = null;
    for (Finding finding : findings) {
      if (finding.features() == checked) { // tasks with the same cut share the array
        continue;
      }
      checked = finding.features();
      for (float feature : checked) {
        if (!Float.isFinite(feature)) {
          throw new InvalidRecordException("value", "produces non-finite features", recordId);
        }
      }
    }
    return this;
  }

  Finding finding(int task) {
    return findings.get(task);
  }
}

package dev.headwater.scoring;

import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.InvalidRecordException;
import org.jspecify.annotations.Nullable;

/**
 * What the backbone made of one record, with what the head live at that moment said of it. A pure
 * function of the record's bytes and that head, so it may be computed ahead, kept or recomputed.
 */
public final class Inference {
  private static final int OVERHEAD = 160;

  private final @Nullable String recordId;
  private final @Nullable String label;
  private final float[] features;
  private final @Nullable Logits live;
  private final @Nullable Logits frozen;

  Inference(Decoded record, float[] features, @Nullable Logits live, @Nullable Logits frozen) {
    recordId = record.recordId();
    label = record.label();
    this.features = features;
    this.live = live;
    this.frozen = frozen;
  }

  /** The id found in the record, null where the bundle names no field for it. */
  public @Nullable String recordId() {
    return recordId;
  }

  /** The inline label, null where the record has none. */
  public @Nullable String label() {
    return label;
  }

  /** The value at the cut. The array itself: not to be written to. */
  public float[] features() {
    return features;
  }

  /** Memory this takes, roughly, for whoever keeps many. */
  public long bytes() {
    long floats = features.length;
    floats += live == null ? 0 : live.values().length;
    floats += frozen == null || frozen == live ? 0 : frozen.values().length;
    int characters =
        (recordId == null ? 0 : recordId.length()) + (label == null ? 0 : label.length());
    return OVERHEAD + floats * Float.BYTES + 2L * characters;
  }

  /** Numbers no head can judge, as from inputs near the end of the float range, are refused. */
  Inference requireFinite() throws InvalidRecordException {
    for (float feature : features) {
      if (!Float.isFinite(feature)) {
        throw new InvalidRecordException("value", "gives features that are not finite", recordId);
      }
    }
    return this;
  }

  @Nullable Logits live() {
    return live;
  }

  @Nullable Logits frozen() {
    return frozen;
  }
}

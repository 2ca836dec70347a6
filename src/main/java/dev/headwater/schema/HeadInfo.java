package dev.headwater.schema;

import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * The metadata of a head version.
 *
 * @param version monotonic per task; 0 is the head in the bundle
 * @param parent the version it was fine-tuned from
 * @param labels label names by output index
 * @param backbone fingerprint of the backbone, cut and encoder that the head belongs to
 * @param trigger what triggered the training, e.g. {@code samples}, {@code interval}, {@code
 *     history}
 * @param device the device it was trained on, e.g. {@code cpu}, {@code cuda:0}
 */
public record HeadInfo(
    String task,
    long version,
    long parent,
    List<String> labels,
    String backbone,
    Instant createdAt,
    String trigger,
    String device,
    Verdict verdict) {

  /** The {@link #trigger} of a head that was not trained, only relabelled. */
  public static final String RELABELLED = "labels";

  /** The {@link #trigger} of a head adapted without labels, by aligning class clusters. */
  public static final String ALIGNED = "alignment";

  public HeadInfo {
    Objects.requireNonNull(task, "task");
    labels = List.copyOf(labels);
    Objects.requireNonNull(backbone, "backbone");
    Objects.requireNonNull(createdAt, "createdAt");
    Objects.requireNonNull(trigger, "trigger");
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(verdict, "verdict");
  }

  /** Returns whether the head was adapted without labels. */
  public boolean aligned() {
    return trigger.equals(ALIGNED);
  }

  /** Returns the same version with another verdict. */
  public HeadInfo judged(Verdict other) {
    return new HeadInfo(task, version, parent, labels, backbone, createdAt, trigger, device, other);
  }

  /** Returns the same head under another version number. */
  HeadInfo numbered(long other) {
    return new HeadInfo(task, other, parent, labels, backbone, createdAt, trigger, device, verdict);
  }
}

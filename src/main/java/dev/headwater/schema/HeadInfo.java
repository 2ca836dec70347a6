package dev.headwater.schema;

import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * What a head version is, apart from its tensors.
 *
 * @param version monotonic per task; 0 is the head in the bundle
 * @param parent the version it was fine-tuned from
 * @param labels by output index
 * @param backbone fingerprint of backbone, cut and encoder the head belongs to
 * @param trigger what set off the training, e.g. {@code samples}, {@code interval}, {@code history}
 * @param device where it was trained, e.g. {@code cpu}, {@code cuda:0}
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

  /** The trigger of a head that nobody trained: another one under changed labels. */
  public static final String RELABELLED = "labels";

  /** The {@link #trigger} of one that follows the classes without labels. */
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

  /** Whether it follows the classes without labels. */
  public boolean aligned() {
    return trigger.equals(ALIGNED);
  }

  /** The same version under another verdict. */
  public HeadInfo judged(Verdict other) {
    return new HeadInfo(task, version, parent, labels, backbone, createdAt, trigger, device, other);
  }

  /** The same head as another version. */
  HeadInfo numbered(long other) {
    return new HeadInfo(task, other, parent, labels, backbone, createdAt, trigger, device, verdict);
  }
}

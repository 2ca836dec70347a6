package dev.headwater.adapt;

import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import java.util.List;
import java.util.Optional;

/**
 * The feature space and label set of a task: decides which samples belong to it.
 *
 * @param size number of feature values of a record at the cut, or of a tile for segmentation
 * @param unlabelledSource the task whose unlabelled samples this task uses
 * @param unlabelledSize number of feature values of an unlabelled sample
 * @param open whether labels other than {@code labels} can be learned
 * @param kind of the labels
 */
record Space(
    String task,
    String backbone,
    int size,
    String unlabelledSource,
    int unlabelledSize,
    List<String> labels,
    boolean open,
    Kind kind,
    Optional<Dense> dense) {
  Space(String task, String backbone, int size, List<String> labels, boolean open) {
    this(task, backbone, size, task, size, labels, open, new Kind.OneLabel(), Optional.empty());
  }

  static Space of(Task task, Task unlabelledSource) {
    return new Space(
        task.name(),
        task.fingerprint(),
        task.rowSize(),
        unlabelledSource.name(),
        unlabelledSource.unlabelledSize(),
        task.labels(),
        task.open(),
        task.kind(),
        Dense.of(task));
  }

  /**
   * Returns whether the sample is one vector of this task (or its unlabelled task) and backbone.
   */
  boolean concerns(Sample sample) {
    boolean unlabelled = sample.getReason() == Reason.UNLABELLED;
    return sample.getTask().equals(unlabelled ? unlabelledSource : task)
        && sample.getBackbone().equals(backbone)
        && sample.getRows() == 1
        && sample.getTiles().isEmpty()
        && sample.getDim() == (unlabelled ? unlabelledSize : size);
  }

  /** Returns whether the sample belongs to this task and its label can be learned. */
  boolean admits(Sample sample) {
    return sample.getLabel() != null
        && sample.getTask().equals(task)
        && sample.getBackbone().equals(backbone)
        && (dense.isPresent() ? dense.get().fits(sample) : fits(sample));
  }

  private boolean fits(Sample sample) {
    return concerns(sample)
        && kind.problem(sample.getLabel()) == null
        && (open || labels.containsAll(kind.names(sample.getLabel())));
  }

  /** Returns whether unlabelled samples can get pseudo-labels: full vectors, single-label task. */
  boolean trainsOnUnlabelled() {
    return kind instanceof Kind.OneLabel && dense.isEmpty() && unlabelledSize == size;
  }
}

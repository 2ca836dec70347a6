package dev.headwater.adapt;

import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import java.util.List;
import java.util.Optional;

/**
 * What a task's samples and heads must be of.
 *
 * @param size how many values a record has at the cut, or a tile of a dense task's
 * @param drawer the task whose samples without a label stand for this one's
 * @param drawn how many values the vector of such a one has
 * @param open whether labels other than {@code labels} may be learned
 * @param kind of its labels
 */
record Space(
    String task,
    String backbone,
    int size,
    String drawer,
    int drawn,
    List<String> labels,
    boolean open,
    Kind kind,
    Optional<Dense> dense) {
  Space(String task, String backbone, int size, List<String> labels, boolean open) {
    this(task, backbone, size, task, size, labels, open, new Kind.OneLabel(), Optional.empty());
  }

  static Space of(Task task, Task drawer) {
    return new Space(
        task.name(),
        task.fingerprint(),
        task.rowSize(),
        drawer.name(),
        drawer.drawnSize(),
        task.labels(),
        task.open(),
        task.kind(),
        Dense.of(task));
  }

  /** Whether it is one vector for a record of this task, or its draws, and its feature space. */
  boolean concerns(Sample sample) {
    boolean draw = sample.getReason() == Reason.UNLABELLED;
    return sample.getTask().equals(draw ? drawer : task)
        && sample.getBackbone().equals(backbone)
        && sample.getRows() == 1
        && sample.getTiles().isEmpty()
        && sample.getDim() == (draw ? drawn : size);
  }

  /** Whether it is of them and its label may be learned. */
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

  /** Whether what is drawn may teach: where one whole vector stands for a record of one label. */
  boolean drawsTeach() {
    return kind instanceof Kind.OneLabel && dense.isEmpty() && drawn == size;
  }
}

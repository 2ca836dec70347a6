package dev.headwater.scoring;

import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RefusedHeadException;
import dev.headwater.schema.Tensor;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** What must hold of a head before it may score a single record. */
final class HeadCheck {
  /** Of the greatest logit of a row: far above rounding, far below any change of meaning. */
  private static final double TOLERANCE = 1e-3;

  /** Of labels and verdict: twice what a manifest has room for, which is one record. */
  private static final long TOLD = 2 << 20;

  /** As trainers send. */
  private static final int GOLDEN = 8;

  /** Heads outlive programs: a later one may send more with them, and scorers of both run. */
  private static final int ROOM = 4;

  private final Task task;

  HeadCheck(Task task) {
    this.task = task;
  }

  /** Bytes that no head of so many labels exceeds, which its weights alone decide. */
  long largest(int labels) {
    long weights =
        task.split().parameterNames().stream()
            .mapToLong(
                name -> Arrays.stream(task.split().shape(name, labels)).reduce(1, (a, b) -> a * b))
            .sum();
    long golden = GOLDEN * (task.rowSize() + (long) labels * task.rowAnswers());
    // what is known of where the classes lie is as large as two layers of weights
    return TOLD + ROOM * Float.BYTES * (3 * weights + golden);
  }

  /** Everything that can be said without running it. */
  void check(Head head) throws RefusedHeadException {
    HeadInfo info = head.info();
    require(
        info.task().equals(task.name()), "it is for task " + info.task() + ", not " + task.name());
    require(
        info.backbone().equals(task.fingerprint()),
        "it was trained on another backbone or encoder: " + info.backbone());
    checkLabels(info.labels());
    String misfit = task.misfit(head);
    require(misfit == null, String.valueOf(misfit));
    for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
      require(entry.getValue().finite(), entry.getKey() + " holds a weight that is not finite");
    }
    checkGolden(head);
  }

  private void checkLabels(List<String> labels) throws RefusedHeadException {
    require(!labels.isEmpty(), "it has no labels");
    require(labels.stream().noneMatch(String::isBlank), "one of its labels is blank");
    require(new HashSet<>(labels).size() == labels.size(), "one of its labels is there twice");
    require(
        task.open() || labels.equals(task.labels()),
        "it changes the labels of a bundle whose label set is closed");
  }

  private void checkGolden(Head head) throws RefusedHeadException {
    Tensor features = head.goldenFeatures();
    Tensor logits = head.goldenLogits();
    long rows = features.shape().length == 0 ? 0 : features.shape()[0];
    require(
        Arrays.equals(features.shape(), new long[] {rows, task.rowSize()})
            && Arrays.equals(
                logits.shape(),
                new long[] {rows, (long) head.info().labels().size() * task.rowAnswers()}),
        "its golden pairs have shapes "
            + Arrays.toString(features.shape())
            + " and "
            + Arrays.toString(logits.shape()));
    boolean trained =
        head.info().version() > 0 && !head.info().trigger().equals(HeadInfo.RELABELLED);
    require(
        rows > 0 || !trained,
        "it brings no golden pairs to prove that it says here what it said to its trainer");
    require(features.finite() && logits.finite(), "its golden pairs are not finite");
  }

  /** What it said to its trainer, against what it says here. */
  void compare(Logits[] here, Tensor golden) throws RefusedHeadException {
    int width = (int) golden.shape()[1];
    for (int row = 0; row < here.length; row++) {
      double scale = 1e-6;
      double worst = 0;
      for (int i = 0; i < width; i++) {
        double wanted = golden.values()[row * width + i];
        scale = Math.max(scale, Math.abs(wanted));
        double off = Math.abs(here[row].values()[i] - wanted);
        worst = Double.isNaN(off) ? Double.POSITIVE_INFINITY : Math.max(worst, off);
      }
      require(
          worst <= TOLERANCE * scale,
          "golden pair " + row + " is off by " + worst + " where its logits reach " + scale);
    }
  }

  private static void require(boolean holds, String reason) throws RefusedHeadException {
    if (!holds) {
      throw new RefusedHeadException(RefusedHeadException.Cause.UNFIT, reason);
    }
  }
}

package dev.headwater.scoring;

import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Tensor;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;

/** Validates a head before it may serve. */
final class HeadCheck {
  /**
   * Maximum error of a golden logit, relative to the greatest logit of its row: far above rounding,
   * far below any relevant difference.
   */
  private static final double TOLERANCE = 1e-3;

  /** Maximum bytes of labels and verdict: twice the maximum size of a manifest, one record. */
  private static final long METADATA_BYTES = 2 << 20;

  /** Number of golden pairs that trainers send. */
  private static final int GOLDEN_PAIRS = 8;

  /** Headroom for tensors that later versions of the trainer may add to a head. */
  private static final int HEADROOM = 4;

  private final Task task;

  HeadCheck(Task task) {
    this.task = task;
  }

  /** Returns the maximum size in bytes of a head with this many labels. */
  long largest(int labels) {
    long weights =
        task.split().parameterNames().stream()
            .mapToLong(
                name -> Arrays.stream(task.split().shape(name, labels)).reduce(1, (a, b) -> a * b))
            .sum();
    long golden = GOLDEN_PAIRS * (task.rowSize() + (long) labels * task.rowAnswers());
    // the source statistics of the classes are as large as two layers of weights
    return METADATA_BYTES + HEADROOM * Float.BYTES * (3 * weights + golden);
  }

  /** Checks everything that does not require running the head. */
  void check(Head head) throws RejectedHeadException {
    HeadInfo info = head.info();
    require(
        info.task().equals(task.name()),
        "The head is for task " + info.task() + ", expected " + task.name() + ".");
    require(
        info.backbone().equals(task.fingerprint()),
        "The head was trained on another backbone or encoder: "
            + info.backbone()
            + ", expected "
            + task.fingerprint()
            + ".");
    checkLabels(info.labels());
    String mismatch = task.misfit(head);
    require(mismatch == null, "The head does not fit the task: " + mismatch + ".");
    for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
      require(
          entry.getValue().finite(), "Tensor " + entry.getKey() + " contains a non-finite weight.");
    }
    checkGolden(head);
  }

  private void checkLabels(List<String> labels) throws RejectedHeadException {
    require(!labels.isEmpty(), "The head has no labels.");
    require(labels.stream().noneMatch(String::isBlank), "The head has a blank label.");
    require(
        new HashSet<>(labels).size() == labels.size(),
        "The head has a duplicate label: " + labels + ".");
    require(
        task.open() || labels.equals(task.labels()),
        "The head changes a closed label set: " + labels + ", expected " + task.labels() + ".");
  }

  private void checkGolden(Head head) throws RejectedHeadException {
    Tensor features = head.goldenFeatures();
    Tensor logits = head.goldenLogits();
    long rows = features.shape().length == 0 ? 0 : features.shape()[0];
    require(
        Arrays.equals(features.shape(), new long[] {rows, task.rowSize()})
            && Arrays.equals(
                logits.shape(),
                new long[] {rows, (long) head.info().labels().size() * task.rowAnswers()}),
        "The golden pairs have invalid shapes: features "
            + Arrays.toString(features.shape())
            + ", logits "
            + Arrays.toString(logits.shape())
            + ".");
    boolean trained =
        head.info().version() > 0 && !head.info().trigger().equals(HeadInfo.RELABELLED);
    require(
        rows > 0 || !trained, "The head has no golden pairs, so its logits cannot be verified.");
    require(features.finite() && logits.finite(), "The golden pairs are not finite.");
  }

  /** Checks that this instance reproduces the golden logits of the trainer. */
  void compare(Logits[] actual, Tensor golden) throws RejectedHeadException {
    int width = (int) golden.shape()[1];
    for (int row = 0; row < actual.length; row++) {
      double scale = 1e-6;
      double maxError = 0;
      for (int i = 0; i < width; i++) {
        double expected = golden.values()[row * width + i];
        scale = Math.max(scale, Math.abs(expected));
        double error = Math.abs(actual[row].values()[i] - expected);
        maxError = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(maxError, error);
      }
      require(
          maxError <= TOLERANCE * scale,
          "The logits of golden pair %d differ by %s, with logits up to %s."
              .formatted(row, maxError, scale));
    }
  }

  private static void require(boolean condition, String reason) throws RejectedHeadException {
    if (!condition) {
      throw new RejectedHeadException(RejectedHeadException.Cause.UNFIT, reason);
    }
  }
}

package dev.headwater.adapt;

import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.Split;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Applies label aliases to the live head without training. A renamed label keeps its row of weights
 * and its source statistics; a retired label loses them.
 *
 * <p>A merged label keeps the row of the label it is merged into. No single row gives the sum of
 * two labels' probabilities. The next training sees the samples of both under one name.
 */
public final class Relabelling {
  private final Task task;
  private final LabelAliases aliases;

  public Relabelling(Task task, LabelAliases aliases) {
    this.task = task;
    this.aliases = aliases;
  }

  /**
   * Returns the relabelled head.
   *
   * @throws IllegalArgumentException if fewer than two labels would remain, the label set is
   *     closed, or the head's last layer has no row per label
   */
  public Head of(Head live, long version, String reason, Instant now) {
    requireOpen();
    Map<String, Integer> rows = rows(live.info().labels());
    if (rows.size() < 2) {
      throw new IllegalArgumentException(
          "a head needs at least two labels; remaining: " + rows.keySet());
    }
    HeadInfo parent = live.info();
    HeadInfo info =
        new HeadInfo(
            parent.task(),
            version,
            parent.version(),
            List.copyOf(rows.keySet()),
            parent.backbone(),
            now,
            HeadInfo.RELABELLED,
            "none",
            // the numbers include the trained offsets, which belong to the weights
            new Verdict(true, reason, 0, parent.verdict().numbers()));
    return rows.size() == parent.labels().size()
        ? live.with(info).withSource(source(live))
        : without(live, info, List.copyOf(rows.values()));
  }

  /**
   * Returns the source statistics. A relabelled aligned head becomes an anchor itself, for which
   * the mixture of earlier traffic is not a source.
   */
  private static Map<String, Tensor> source(Head live) {
    return live.info().aligned()
        ? SourceStatistics.of(live.source())
            .map(known -> known.with(null).tensors())
            .orElse(Map.of())
        : live.source();
  }

  /** Returns the row of each remaining label, in order. */
  private Map<String, Integer> rows(List<String> labels) {
    Map<String, Integer> rows = new LinkedHashMap<>();
    for (int row = 0; row < labels.size(); row++) {
      String label = labels.get(row);
      String name = aliases.now(label).orElse("");
      boolean merged = !label.equals(name) && labels.contains(name);
      if (!name.isEmpty() && !merged) {
        rows.putIfAbsent(name, row);
      }
    }
    return rows;
  }

  private void requireOpen() {
    if (!task.open()) {
      throw new IllegalArgumentException(
          "the label set of %s is closed, so scorers reject a head with other labels: %s"
              .formatted(
                  task.name(),
                  task.masks().isPresent()
                      ? "change labels and mask-values in a new bundle"
                      : "first set open: true in the bundle of every scorer and trainer"));
    }
  }

  private Head without(Head live, HeadInfo info, List<Integer> rows) {
    Split split = task.split();
    if (live.tensors().keySet().stream().allMatch(name -> split.classAxis(name) < 0)) {
      throw new IllegalArgumentException(
          ("the last layer of %s (output `%s`) has no row per label: labels can be renamed, but not"
                  + " retired; to retire labels, give the task a new head (head: none)")
              .formatted(task.name(), split.logits()));
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    live.tensors()
        .forEach(
            (name, tensor) -> {
              int axis = split.classAxis(name);
              tensors.put(name, axis < 0 ? tensor : kept(tensor, axis, rows));
            });
    Map<String, Tensor> source =
        SourceStatistics.of(live.source())
            .map(known -> known.kept(rows).tensors())
            .orElse(Map.of());
    return new Head(
        info, tensors, live.goldenFeatures(), kept(live.goldenLogits(), 1, rows), source);
  }

  /** Returns the tensor with only these indexes of an axis. */
  private static Tensor kept(Tensor tensor, int axis, List<Integer> rows) {
    long[] shape = tensor.shape().clone();
    int axisSize = (int) shape[axis];
    shape[axis] = rows.size();
    int inner = (int) Arrays.stream(shape).skip(axis + 1).reduce(1, Math::multiplyExact);
    int outer = (int) Arrays.stream(shape).limit(axis).reduce(1, Math::multiplyExact);
    float[] kept = new float[outer * rows.size() * inner];
    for (int o = 0; o < outer; o++) {
      for (int r = 0; r < rows.size(); r++) {
        int from = (o * axisSize + rows.get(r)) * inner;
        System.arraycopy(tensor.values(), from, kept, (o * rows.size() + r) * inner, inner);
      }
    }
    return new Tensor(shape, kept);
  }
}

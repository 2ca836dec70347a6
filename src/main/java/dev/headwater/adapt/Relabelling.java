package dev.headwater.adapt;

import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The live head under changed labels, without training. A renamed label keeps its row of weights, a
 * retired one loses it. Of labels merged the one they are merged into keeps its own: no single row
 * gives the sum of two labels' probabilities, and the next training, which sees the samples of both
 * under one name, finds the best there is.
 */
public final class Relabelling {
  private final Task task;
  private final LabelAliases aliases;

  public Relabelling(Task task, LabelAliases aliases) {
    this.task = task;
    this.aliases = aliases;
  }

  /**
   * @throws IllegalArgumentException where fewer than two labels would be left, or rows would have
   *     to leave a head that is more than one linear layer
   */
  public Head of(Head live, long version, String reason, Instant now) {
    Map<String, Integer> rows = rows(live.info().labels());
    if (rows.size() < 2) {
      throw new IllegalArgumentException(
          "a head needs two labels, and would be left with " + rows.keySet());
    }
    HeadInfo before = live.info();
    HeadInfo info =
        new HeadInfo(
            before.task(),
            version,
            before.version(),
            List.copyOf(rows.keySet()),
            before.backbone(),
            now,
            "labels",
            "none",
            // how far training had read goes with the weights
            new Verdict(true, reason, 0, before.verdict().numbers()));
    return rows.size() == before.labels().size()
        ? new Head(info, live.tensors(), live.goldenFeatures(), live.goldenLogits())
        : without(live, info, List.copyOf(rows.values()));
  }

  /** The row of each label that is left, in order. */
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

  private Head without(Head live, HeadInfo info, List<Integer> rows) {
    if (task.split().linear().isEmpty() && task.subclasses() == 1) {
      throw new IllegalArgumentException(
          "the head of %s is more than one linear layer: its labels can be renamed, but not taken away"
              .formatted(task.name()));
    }
    int classes = live.info().labels().size();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    live.tensors()
        .forEach(
            (name, tensor) -> {
              int axis = task.split().classAxis(name);
              tensors.put(name, axis < 0 ? tensor : kept(tensor, classes, axis == 0, rows));
            });
    return new Head(
        info, tensors, live.goldenFeatures(), kept(live.goldenLogits(), classes, false, rows));
  }

  /** Only these indexes of the dimension of classes, which is the first or else the last. */
  private static Tensor kept(Tensor tensor, int classes, boolean first, List<Integer> rows) {
    long[] shape = tensor.shape().clone();
    shape[first ? 0 : shape.length - 1] = rows.size();
    float[] values = tensor.values();
    int others = values.length / classes;
    float[] kept = new float[others * rows.size()];
    for (int r = 0; r < rows.size(); r++) {
      for (int o = 0; o < others; o++) {
        if (first) {
          kept[r * others + o] = values[rows.get(r) * others + o];
        } else {
          kept[o * rows.size() + r] = values[o * classes + rows.get(r)];
        }
      }
    }
    return new Tensor(shape, kept);
  }
}

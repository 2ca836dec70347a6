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
 * The live head under changed labels, without training. A renamed label keeps its row of weights, a
 * retired one loses it; and likewise what is known of where its samples lay. Of labels merged the
 * one they are merged into keeps its own: no single row gives the sum of two labels' probabilities,
 * and the next training, which sees the samples of both under one name, finds the best there is.
 */
public final class Relabelling {
  private final Task task;
  private final LabelAliases aliases;

  public Relabelling(Task task, LabelAliases aliases) {
    this.task = task;
    this.aliases = aliases;
  }

  /**
   * @throws IllegalArgumentException where fewer than two labels would be left, the label set is
   *     closed, or the head's last layer has no rows to take away
   */
  public Head of(Head live, long version, String reason, Instant now) {
    requireOpen();
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
            HeadInfo.RELABELLED,
            "none",
            // how far training had read goes with the weights
            new Verdict(true, reason, 0, before.verdict().numbers()));
    return rows.size() == before.labels().size()
        ? live.with(info).withSource(source(live))
        : without(live, info, List.copyOf(rows.values()));
  }

  /**
   * One that undoes a shift becomes an anchor of its own, for which no other traffic is a source.
   */
  private static Map<String, Tensor> source(Head live) {
    return live.info().aligned()
        ? SourceStatistics.of(live.source())
            .map(known -> known.with(null).tensors())
            .orElse(Map.of())
        : live.source();
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

  private void requireOpen() {
    if (!task.open()) {
      throw new IllegalArgumentException(
          "the labels of %s are closed, and no scorer takes a head with others: %s"
              .formatted(
                  task.name(),
                  task.masks().isPresent()
                      ? "those of pixels change with labels and mask-values in a new bundle"
                      : "say open: true in the bundle first, wherever it is served or trained"));
    }
  }

  private Head without(Head live, HeadInfo info, List<Integer> rows) {
    Split split = task.split();
    if (live.tensors().keySet().stream().allMatch(name -> split.classAxis(name) < 0)) {
      throw new IllegalArgumentException(
          "the last layer of %s, which makes `%s`, is none whose rows are labels: its labels can be renamed, but not taken away; give the task a new head (head: none) for that"
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

  /** Only these indexes of an axis. */
  private static Tensor kept(Tensor tensor, int axis, List<Integer> rows) {
    long[] shape = tensor.shape().clone();
    int before = (int) shape[axis];
    shape[axis] = rows.size();
    int inner = (int) Arrays.stream(shape).skip(axis + 1).reduce(1, Math::multiplyExact);
    int outer = (int) Arrays.stream(shape).limit(axis).reduce(1, Math::multiplyExact);
    float[] kept = new float[outer * rows.size() * inner];
    for (int o = 0; o < outer; o++) {
      for (int r = 0; r < rows.size(); r++) {
        int from = (o * before + rows.get(r)) * inner;
        System.arraycopy(tensor.values(), from, kept, (o * rows.size() + r) * inner, inner);
      }
    }
    return new Tensor(shape, kept);
  }
}

package dev.headwater.bundle;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Split;
import dev.headwater.onnx.TensorInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The bundle's model, split into a backbone and one head per task.
 *
 * @param inputs inputs of the model; dynamic sizes are fixed if the cut requires it
 * @param splits by task index
 * @param tilings by task index; empty for tasks that are not dense
 * @param features names of all tensors at which a task's head begins
 * @param backbone ONNX, from the inputs to {@code features}
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Graph(
    List<TensorInfo> inputs,
    List<Split> splits,
    List<Optional<Tiling>> tilings,
    List<String> features,
    byte[] backbone) {

  /** Reads and splits the model. Returns null and adds to {@code problems} if that fails. */
  static @Nullable Graph read(Manifest manifest, List<String> problems) {
    try {
      return new Splitter(manifest, problems, OnnxFile.read(manifest.model())).splitAll();
    } catch (OnnxException e) {
      problems.add("model: " + e.getMessage());
      return null;
    }
  }

  /** Splits one model for all tasks. */
  private static final class Splitter {
    private final Manifest manifest;
    private final List<String> problems;
    private final OnnxFile exported;
    private final List<Optional<Tiling>> tilings = new ArrayList<>();

    /** The exported model plus the nodes added as input of new heads. */
    private OnnxFile file;

    /** Name of the pooled tensor; null without pooling. */
    private @Nullable String pooled;

    /** The length all texts are padded to because a task needs a fixed length; 0 if none does. */
    private int tokens;

    Splitter(Manifest manifest, List<String> problems, OnnxFile exported) {
      this.manifest = manifest;
      this.problems = problems;
      this.exported = exported;
      this.file = exported;
    }

    @Nullable Graph splitAll() {
      try {
        file = withInputSize(withPooling(exported));
      } catch (OnnxException e) {
        problems.add("cut: " + e.getMessage());
        return null;
      }
      List<Split> splits = new ArrayList<>();
      for (Manifest.Task task : manifest.tasks()) {
        Split split = split(task, splits);
        if (split == null) {
          return null;
        }
        splits.add(split);
      }
      rejectSharedTails(splits);
      List<String> features =
          splits.stream().flatMap(split -> split.features().stream()).distinct().toList();
      OnnxFile whole = tokens > 0 ? withFixedLength(file) : file;
      return new Graph(
          whole.inputs(), splits, List.copyOf(tilings), features, whole.backbone(features, splits));
    }

    /**
     * Rejects tails that share layers. Heads are trained, gated and rolled back separately, so the
     * copies of a shared tail would diverge.
     */
    private void rejectSharedTails(List<Split> splits) {
      for (int later = 1; later < splits.size(); later++) {
        for (int earlier = 0; earlier < later; earlier++) {
          List<String> shared = new ArrayList<>(splits.get(later).parameterNames());
          shared.retainAll(splits.get(earlier).parameterNames());
          boolean hasNewHead = !manifest.tasks().get(later).original();
          boolean linear =
              splits.get(later).linear().isPresent() && splits.get(earlier).linear().isPresent();
          if (!shared.isEmpty() && !hasNewHead && !linear) {
            problems.add(
                "%sthe tail shares layers with the tail of task %s (%s), and tails are trained separately: cut after the shared layers, or set head: none"
                    .formatted(
                        key(manifest.tasks().get(later)),
                        manifest.tasks().get(earlier).name(),
                        shared.get(0)));
          }
        }
      }
    }

    /** Adds pooling to an encoder that outputs hidden states; all tasks share it. */
    private OnnxFile withPooling(OnnxFile file) throws OnnxException {
      if (manifest.pooling() == Manifest.Pooling.NONE) {
        return file;
      }
      String cut = manifest.tasks().get(0).cut();
      for (Manifest.Task task : manifest.tasks()) {
        if (!task.dense() && !task.cut().equals("auto") && !task.cut().equals(cut)) {
          problems.add(
              key(task)
                  + "input.pooling pools one tensor for all tasks: leave cut out, or repeat the first task's cut");
        }
      }
      OnnxFile vectors = poolHiddenStates(file, Graph.features(file, cut, 3));
      pooled = vectors.outputs().get(0).name();
      return vectors;
    }

    private OnnxFile poolHiddenStates(OnnxFile file, String hidden) throws OnnxException {
      boolean normalize = manifest.normalize();
      if (manifest.pooling() == Manifest.Pooling.FIRST) {
        return file.withFirstToken(hidden, normalize);
      }
      return manifest.input() instanceof Manifest.Text
          ? file.withMeanPooling(hidden, TextDecoder.MASK, normalize)
          : file.withMeanPooling(hidden, normalize);
    }

    /** Returns the input of a new head: the pooled tensor, the named one, or the only candidate. */
    private String features(Manifest.Task task) throws OnnxException {
      return pooled == null || task.dense() ? Graph.features(exported, task.cut()) : pooled;
    }

    /**
     * Changes the image size to the one in the manifest. With new heads only, the model is resized
     * up to their input tensors. With an original head, only dynamic sizes are set.
     */
    private OnnxFile withInputSize(OnnxFile file) throws OnnxException {
      TensorInfo input = FloatRows.input(file.inputs(), 4);
      if (!(manifest.input() instanceof Manifest.Image image) || input == null) {
        return file;
      }
      long[] expected = ImageDecoder.wanted(image, input);
      if (Arrays.equals(expected, input.shape())) {
        return file;
      }
      if (manifest.tasks().stream().anyMatch(Manifest.Task::original)) {
        return isCompatible(input.shape(), expected) ? file.declared(input.name(), expected) : file;
      }
      List<String> features = new ArrayList<>();
      for (Manifest.Task task : manifest.tasks()) {
        boolean shared = task.cut().equals("auto") && !features.isEmpty();
        features.add(shared ? features.get(0) : features(task));
      }
      return file.resized(input.name(), expected, features.stream().distinct().toList());
    }

    private static boolean isCompatible(long[] shape, long[] expected) {
      return shape.length == expected.length
          && IntStream.range(0, shape.length)
              .allMatch(i -> shape[i] < 1 || shape[i] == expected[i]);
    }

    private @Nullable Split split(Manifest.Task task, List<Split> before) {
      try {
        Split split =
            task.original() ? original(task) : task.dense() ? dense(task) : headless(task, before);
        if (split == null) {
          return null;
        }
        if (task.original()) {
          split.leftOut().ifPresent(reason -> problems.add(key(task) + reason));
        }
        Optional<List<long[]>> shapes = Task.shapes(split);
        if (shapes.isPresent()) {
          Optional<int[]> map = split.logitsMap();
          tilings.add(
              map.isPresent()
                  ? Optional.of(Tiling.of(split, shapes.get(), map.get()))
                  : Optional.empty());
          return split;
        }
        problems.add(
            key(task)
                + "the features at "
                + split.features()
                + " have no fixed size per record: cut elsewhere, or export with fixed sizes"
                + (manifest.input() instanceof Manifest.Image ? ", or set input.size" : ""));
      } catch (OnnxException e) {
        problems.add(key(task) + e.getMessage());
      } catch (ArithmeticException e) {
        problems.add(key(task) + "the head has more weights than an array can hold: reduce hidden");
      }
      return null;
    }

    /**
     * Splits at the model's own head. Tensors inside a text encoder have the length of the text, so
     * a cut there needs a fixed length. Other tasks are split without it; their features are the
     * same either way.
     */
    private Split original(Manifest.Task task) throws OnnxException {
      if (!(manifest.input() instanceof Manifest.Text text)) {
        return file.split(task.cut());
      }
      Optional<Split> split = splitWithDynamicLength(task);
      if (split.isPresent()) {
        return split.get();
      }
      tokens = text.maxTokens();
      return withFixedLength(file).split(task.cut());
    }

    private Optional<Split> splitWithDynamicLength(Manifest.Task task) {
      try {
        return Optional.of(file.split(task.cut())).filter(split -> Task.shapes(split).isPresent());
      } catch (OnnxException e) { // the dynamic length may be the cause
        return Optional.empty();
      }
    }

    /** Fixes the dynamic text lengths of the inputs. */
    private OnnxFile withFixedLength(OnnxFile file) {
      long[] expected = {-1, tokens};
      OnnxFile padded = file;
      for (TensorInfo input : file.inputs()) {
        if (isCompatible(input.shape(), expected)) {
          padded = padded.declared(input.name(), expected);
        }
      }
      return padded;
    }

    /**
     * Adds a new head. Without a cut it shares the features of the first task; feature maps are
     * averaged.
     */
    private Split headless(Manifest.Task task, List<Split> before) throws OnnxException {
      boolean shared = task.cut().equals("auto") && !before.isEmpty() && pooled == null;
      String at = shared ? before.get(0).features().get(0) : features(task);
      file = file.averaging(at);
      return file.headless(file.average(at), task.head());
    }

    /** Adds a new head that classifies each pixel. */
    private @Nullable Split dense(Manifest.Task task) throws OnnxException {
      TensorInfo input = FloatRows.input(file.inputs(), 4);
      if (!(manifest.input() instanceof Manifest.Image image) || input == null) {
        problems.add("head: dense requires a model that takes one image per record");
        return null;
      }
      long[] size = ImageDecoder.size(image, input);
      if (Math.min(size[0], size[1]) < 1) {
        problems.add("input.size: the model has a dynamic image size; set [height, width]");
        return null;
      }
      return file.dense(task.cut(), task.head().hidden(), size[0], size[1]);
    }

    private String key(Manifest.Task task) {
      return manifest.tasks().size() == 1 ? "cut: " : "tasks." + task.name() + ".cut: ";
    }
  }

  /** Returns the named tensor, or else the only float output with a vector or a map per record. */
  private static String features(OnnxFile file, String cut) throws OnnxException {
    return features(file, cut, outputs(file, 2).isEmpty() && outputs(file, 4).size() == 1 ? 4 : 2);
  }

  /** Returns the named tensor, or else the only float output of this rank. */
  private static String features(OnnxFile file, String cut, int rank) throws OnnxException {
    if (!cut.equals("auto")) {
      return cut;
    }
    List<TensorInfo> fitting = outputs(file, rank);
    if (fitting.size() == 1) {
      return fitting.get(0).name();
    }
    throw new OnnxException(
        "cannot determine the features tensor: expected one float output of rank "
            + rank
            + ", found "
            + fitting.size()
            + " among the outputs "
            + file.outputs().stream().map(TensorInfo::name).toList()
            + "; set cut to a tensor name"
            + (rank == 2 ? ", or set pooling: mean or first if they are hidden states" : ""));
  }

  private static List<TensorInfo> outputs(OnnxFile file, int rank) {
    return file.outputs().stream()
        .filter(o -> o.type() == ElementType.FLOAT && o.shape().length == rank)
        .toList();
  }

  /** Checks that masks have one grey value per label. */
  static void checkMasks(
      Optional<Tiling> tiling, Manifest.Task task, List<String> labels, List<String> problems) {
    int values = task.maskValues().length;
    if (values > 0 && tiling.isEmpty()) {
      problems.add("mask-values: task " + task.name() + " labels records, not pixels");
    } else if (values > 0 && values != labels.size()) {
      problems.add("mask-values: " + values + " values for " + labels.size() + " labels");
    } else if (tiling.isPresent() && labels.size() == 1) {
      problems.add("labels: a dense task needs at least two labels");
    } else if (tiling.isPresent() && labels.size() > Masks.MOST) {
      problems.add("labels: a mask supports at most " + Masks.MOST + " classes");
    } else if (tiling.isPresent() && task.kind() instanceof Kind.LabelSet) {
      problems.add("kind: task " + task.name() + " is dense and supports one label per pixel only");
    }
  }

  /** Checks that a regression head has one output and a bias, which shifts it to the labels. */
  static void checkQuantity(Split split, Manifest.Task task, List<String> problems) {
    if (!(task.kind() instanceof Kind.Quantity)) {
      return;
    }
    if (split.logitsMap().isPresent()) {
      problems.add("kind: task " + task.name() + " outputs a map, but regression needs one number");
    }
    boolean biased =
        split.parameterNames().stream()
            .anyMatch(name -> split.classAxis(name) == 0 && split.shape(name, 1).length == 1);
    if (!biased) {
      problems.add("kind: regression needs a bias in the last layer of task " + task.name());
    }
  }

  /** Checks that the model's own head has one output per label. */
  static void checkLabels(Split split, List<String> labels, List<String> problems) {
    int classes = split.classes();
    if (classes == 0 || labels.isEmpty()) {
      return;
    }
    if (labels.size() > 1 && classes < 2) {
      problems.add("model: the head has one output, but classification needs one output per label");
    } else if (classes != labels.size()) {
      problems.add("labels: " + labels.size() + " labels for a head with " + classes + " outputs");
    }
  }
}

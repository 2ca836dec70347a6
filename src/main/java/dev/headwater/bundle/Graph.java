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
 * The bundle's network, split where the manifest says.
 *
 * @param inputs of the network, sizes it leaves open fixed where the cut needs them to be
 * @param splits by task
 * @param tilings by task; empty but for dense ones
 * @param features every tensor at which a task's head begins
 * @param backbone ONNX, from the inputs to {@code features}
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Graph(
    List<TensorInfo> inputs,
    List<Split> splits,
    List<Optional<Tiling>> tilings,
    List<String> features,
    byte[] backbone) {

  /** Null where the network cannot be used; {@code problems} says why, under its key. */
  static @Nullable Graph read(Manifest manifest, List<String> problems) {
    try {
      return new Reading(manifest, problems, OnnxFile.read(manifest.model())).graph();
    } catch (OnnxException e) {
      problems.add("model: " + e.getMessage());
      return null;
    }
  }

  /** One attempt at splitting for every task. */
  private static final class Reading {
    private final Manifest manifest;
    private final List<String> problems;
    private final OnnxFile exported;
    private final List<Optional<Tiling>> tilings = new ArrayList<>();

    /** As exported, with what new heads stand on. */
    private OnnxFile file;

    /** What hidden states are pooled to, where they are. */
    private @Nullable String pooled;

    /**
     * What all texts are padded to, because of a task that is of texts of one length; 0 if none.
     */
    private int tokens;

    Reading(Manifest manifest, List<String> problems, OnnxFile exported) {
      this.manifest = manifest;
      this.problems = problems;
      this.exported = exported;
      this.file = exported;
    }

    @Nullable Graph graph() {
      try {
        file = sized(pooled(exported));
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
      refuseSharedTails(splits);
      List<String> features =
          splits.stream().flatMap(split -> split.features().stream()).distinct().toList();
      OnnxFile whole = tokens > 0 ? padded(file) : file;
      return new Graph(
          whole.inputs(), splits, List.copyOf(tilings), features, whole.backbone(features, splits));
    }

    /**
     * Heads are trained, judged and rolled back apart, so two tasks cannot train one tail; each
     * would have a copy that drifts from the other's.
     */
    private void refuseSharedTails(List<Split> splits) {
      for (int later = 1; later < splits.size(); later++) {
        for (int earlier = 0; earlier < later; earlier++) {
          List<String> shared = new ArrayList<>(splits.get(later).parameterNames());
          shared.retainAll(splits.get(earlier).parameterNames());
          boolean own = !manifest.tasks().get(later).original();
          boolean linear =
              splits.get(later).linear().isPresent() && splits.get(earlier).linear().isPresent();
          if (!shared.isEmpty() && !own && !linear) {
            problems.add(
                "%sits tail holds layers of the tail of %s (%s), and tails are not trained together: cut after them, or say head: none"
                    .formatted(
                        key(manifest.tasks().get(later)),
                        manifest.tasks().get(earlier).name(),
                        shared.get(0)));
          }
        }
      }
    }

    /** An encoder that stops at its hidden states is pooled for every task alike. */
    private OnnxFile pooled(OnnxFile file) throws OnnxException {
      if (manifest.pooling() == Manifest.Pooling.NONE) {
        return file;
      }
      String cut = manifest.tasks().get(0).cut();
      for (Manifest.Task task : manifest.tasks()) {
        if (!task.dense() && !task.cut().equals("auto") && !task.cut().equals(cut)) {
          problems.add(
              key(task)
                  + "input.pooling pools one tensor for all tasks, which the first task's cut names");
        }
      }
      OnnxFile vectors = vectors(file, Graph.features(file, cut, 3));
      pooled = vectors.outputs().get(0).name();
      return vectors;
    }

    private OnnxFile vectors(OnnxFile file, String hidden) throws OnnxException {
      boolean normalize = manifest.normalize();
      if (manifest.pooling() == Manifest.Pooling.FIRST) {
        return file.withFirstToken(hidden, normalize);
      }
      return manifest.input() instanceof Manifest.Text
          ? file.withMeanPooling(hidden, TextDecoder.MASK, normalize)
          : file.withMeanPooling(hidden, normalize);
    }

    /**
     * What a new head stands on: what is pooled, else the tensor named, or the only one there is.
     */
    private String features(Manifest.Task task) throws OnnxException {
      return pooled == null || task.dense() ? Graph.features(exported, task.cut()) : pooled;
    }

    /**
     * For pictures of the size wanted: where new heads stand on it, as far as their tensors; where
     * the network's own serves, in what the file leaves open.
     */
    private OnnxFile sized(OnnxFile file) throws OnnxException {
      TensorInfo input = FloatRows.input(file.inputs(), 4);
      if (!(manifest.input() instanceof Manifest.Image image) || input == null) {
        return file;
      }
      long[] wanted = ImageDecoder.wanted(image, input);
      if (Arrays.equals(wanted, input.shape())) {
        return file;
      }
      if (manifest.tasks().stream().anyMatch(Manifest.Task::original)) {
        return open(input.shape(), wanted) ? file.declared(input.name(), wanted) : file;
      }
      List<String> features = new ArrayList<>();
      for (Manifest.Task task : manifest.tasks()) {
        boolean shared = task.cut().equals("auto") && !features.isEmpty();
        features.add(shared ? features.get(0) : features(task));
      }
      return file.resized(input.name(), wanted, features.stream().distinct().toList());
    }

    private static boolean open(long[] shape, long[] wanted) {
      return shape.length == wanted.length
          && IntStream.range(0, shape.length).allMatch(i -> shape[i] < 1 || shape[i] == wanted[i]);
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
                + " have no fixed size a record: cut elsewhere, or export with fixed sizes"
                + (manifest.input() instanceof Manifest.Image ? ", or say input.size" : ""));
      } catch (OnnxException e) {
        problems.add(key(task) + e.getMessage());
      } catch (ArithmeticException e) {
        problems.add(key(task) + "its head has more weights than an array holds: see hidden");
      }
      return null;
    }

    /**
     * What crosses a cut inside an encoder is as long as its text: such a task is of texts of one
     * length. Others are split as if there were none, for their features are the same.
     */
    private Split original(Manifest.Task task) throws OnnxException {
      if (!(manifest.input() instanceof Manifest.Text text)) {
        return file.split(task.cut());
      }
      Optional<Split> split = ofAnyLength(task);
      if (split.isPresent()) {
        return split.get();
      }
      tokens = text.maxTokens();
      return padded(file).split(task.cut());
    }

    private Optional<Split> ofAnyLength(Manifest.Task task) {
      try {
        return Optional.of(file.split(task.cut())).filter(split -> Task.shapes(split).isPresent());
      } catch (OnnxException refused) { // what is in the way may be how long the texts are
        return Optional.empty();
      }
    }

    /** With open lengths of texts declared. */
    private OnnxFile padded(OnnxFile file) {
      long[] wanted = {-1, tokens};
      OnnxFile padded = file;
      for (TensorInfo input : file.inputs()) {
        if (open(input.shape(), wanted)) {
          padded = padded.declared(input.name(), wanted);
        }
      }
      return padded;
    }

    /** On those of the task before, where nothing is said; of a map on its average. */
    private Split headless(Manifest.Task task, List<Split> before) throws OnnxException {
      boolean shared = task.cut().equals("auto") && !before.isEmpty() && pooled == null;
      String at = shared ? before.get(0).features().get(0) : features(task);
      file = file.averaging(at);
      return file.headless(file.average(at), task.head());
    }

    /** A new head that tells the pixels of a picture apart. */
    private @Nullable Split dense(Manifest.Task task) throws OnnxException {
      TensorInfo input = FloatRows.input(file.inputs(), 4);
      if (!(manifest.input() instanceof Manifest.Image image) || input == null) {
        problems.add("head: dense is for networks that take one picture a record");
        return null;
      }
      long[] size = ImageDecoder.size(image, input);
      if (Math.min(size[0], size[1]) < 1) {
        problems.add("input.size: the network leaves it open; give [height, width]");
        return null;
      }
      return file.dense(task.cut(), task.head().hidden(), size[0], size[1]);
    }

    private String key(Manifest.Task task) {
      return manifest.tasks().size() == 1 ? "cut: " : "tasks." + task.name() + ".cut: ";
    }
  }

  /** The tensor named, or the only float output that is a vector a record, or else a map. */
  private static String features(OnnxFile file, String cut) throws OnnxException {
    return features(file, cut, outputs(file, 2).isEmpty() && outputs(file, 4).size() == 1 ? 4 : 2);
  }

  /** The tensor named, or the only float output of this rank. */
  private static String features(OnnxFile file, String cut, int rank) throws OnnxException {
    if (!cut.equals("auto")) {
      return cut;
    }
    List<TensorInfo> fitting = outputs(file, rank);
    if (fitting.size() == 1) {
      return fitting.get(0).name();
    }
    throw new OnnxException(
        "which tensor holds the features? Of rank "
            + rank
            + " there are "
            + fitting.size()
            + " float outputs among "
            + file.outputs().stream().map(TensorInfo::name).toList()
            + "; name one"
            + (rank == 2 ? ", or say pooling: mean, or first, where they are hidden states" : ""));
  }

  private static List<TensorInfo> outputs(OnnxFile file, int rank) {
    return file.outputs().stream()
        .filter(o -> o.type() == ElementType.FLOAT && o.shape().length == rank)
        .toList();
  }

  /** Whether the grey values of masks are one a label. */
  static void checkMasks(
      Optional<Tiling> tiling, Manifest.Task task, List<String> labels, List<String> problems) {
    int values = task.maskValues().length;
    if (values > 0 && tiling.isEmpty()) {
      problems.add("mask-values: task " + task.name() + " gives records a label, not pixels");
    } else if (values > 0 && values != labels.size()) {
      problems.add("mask-values: " + values + " values for " + labels.size() + " labels");
    } else if (tiling.isPresent() && labels.size() == 1) {
      problems.add("labels: pixels that all have one label are not told apart");
    } else if (tiling.isPresent() && labels.size() > Masks.MOST) {
      problems.add("labels: a mask tells at most " + Masks.MOST + " classes apart");
    } else if (tiling.isPresent() && task.kind() instanceof Kind.LabelSet) {
      problems.add("kind: task " + task.name() + " gives each pixel one label, not several");
    }
  }

  /** A number takes one output, whose bias shifts it to where the numbers are. */
  static void checkQuantity(Split split, Manifest.Task task, List<String> problems) {
    if (!(task.kind() instanceof Kind.Quantity)) {
      return;
    }
    if (split.logitsMap().isPresent()) {
      problems.add("kind: task " + task.name() + " gives a map, and regression one number");
    }
    boolean biased =
        split.parameterNames().stream()
            .anyMatch(name -> split.classAxis(name) == 0 && split.shape(name, 1).length == 1);
    if (!biased) {
      problems.add("kind: regression needs a bias in the last layer of task " + task.name());
    }
  }

  /** How many labels the network's own head tells apart. */
  static void checkLabels(Split split, List<String> labels, List<String> problems) {
    int classes = split.classes();
    if (classes == 0 || labels.isEmpty()) {
      return;
    }
    if (labels.size() > 1 && classes < 2) {
      problems.add("model: its head has one output; a label set needs one a label");
    } else if (classes != labels.size()) {
      problems.add("labels: " + labels.size() + " labels for a head with " + classes + " outputs");
    }
  }
}

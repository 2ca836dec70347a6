package dev.headwater.bundle;

import dev.headwater.onnx.Parameter;
import dev.headwater.onnx.Split;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** A prediction task: a cut of the bundle's model, with a label set and a head. */
public final class Task {
  private final Manifest.Task manifest;
  private final @Nullable String labelField;
  private final Split split;
  private final List<String> labels;
  private final String fingerprint;
  private final Instant modelTime;
  private final List<long[]> featureShapes;
  private final int featureSize;
  private final Optional<Masks> masks;
  private final Optional<Tiling> tiling;
  private final Optional<Sketch> featureHasher;
  private final boolean trainsOnUnlabelled;

  /**
   * @param labelField JSON pointer of the inline label; null if records carry none
   * @param tiling the tiling of a dense task
   */
  Task(
      Manifest.Task manifest,
      @Nullable String labelField,
      Split split,
      List<String> labels,
      String fingerprint,
      Instant modelTime,
      Optional<Tiling> tiling) {
    this.manifest = manifest;
    this.labelField = labelField;
    this.split = split;
    this.labels = labels;
    this.fingerprint = fingerprint;
    this.modelTime = modelTime;
    featureShapes = shapes(split).orElseThrow();
    featureSize =
        featureShapes.stream()
            .mapToInt(shape -> (int) Arrays.stream(shape).reduce(1, Math::multiplyExact))
            .sum();
    this.tiling = tiling;
    featureHasher =
        tiling.isEmpty() && featureSize > Sketch.SIZE
            ? Optional.of(new Sketch(featureSize))
            : Optional.empty();
    trainsOnUnlabelled =
        tiling.isEmpty() && kind() instanceof Kind.OneLabel && (linear() || subclasses() > 1);
    masks =
        tiling.map(
            map ->
                new Masks(
                    map.height() * map.scale(),
                    map.width() * map.scale(),
                    manifest.maskValues().length == 0
                        ? Masks.evenly(labels.size())
                        : manifest.maskValues()));
  }

  /** Returns the encoding of pixel classes; empty unless the task is dense. */
  public Optional<Masks> masks() {
    return masks;
  }

  /** Returns how feature maps are split into tiles; empty unless the task is dense. */
  public Optional<Tiling> tiling() {
    return tiling;
  }

  /** Returns whether the head is one linear layer on one vector. */
  public boolean linear() {
    return split.linear().isPresent() && split.dim() > 0;
  }

  /** Returns the shapes of one training row: of a tile if the task is dense, else of a record. */
  public List<long[]> rowShapes() {
    return tiling
        .map(
            tile ->
                featureShapes.stream()
                    .map(shape -> new long[] {shape[0], tile.tileHeight(), tile.tileWidth()})
                    .toList())
        .orElse(featureShapes);
  }

  /** Returns the number of values of one training row. */
  public int rowSize() {
    return tiling.map(Tiling::size).orElse(featureSize);
  }

  /** Returns the number of head outputs per training row: one per pixel if dense, else one. */
  public int rowAnswers() {
    return tiling.map(Tiling::answers).orElse(1);
  }

  /**
   * Returns one vector by which records are compared. A dense task uses the mean of each channel.
   * Other tasks use their features, reduced by feature hashing if there are more than 1,024.
   */
  public float[] summary(float[] features) {
    return tiling
        .map(map -> map.summary(features))
        .or(() -> featureHasher.map(hasher -> hasher.of(features)))
        .orElse(features);
  }

  /**
   * Returns what is stored of an unlabelled sample. That is all features if training uses
   * unlabelled samples (single-label tasks with a linear head or subclasses). Otherwise it is the
   * {@link #summary}, which drift detection needs.
   */
  public float[] unlabelledFeatures(float[] features) {
    return trainsOnUnlabelled ? features : summary(features);
  }

  /** Returns the number of values stored of an unlabelled sample. */
  public int unlabelledSize() {
    if (tiling.isPresent()) {
      return tiling.get().channels();
    }
    return trainsOnUnlabelled ? featureSize : Math.min(featureSize, Sketch.SIZE);
  }

  /** Returns the {@link #summary} of a stored unlabelled sample. */
  public float[] summaryOfUnlabelled(float[] stored) {
    return trainsOnUnlabelled ? summary(stored) : stored;
  }

  public String name() {
    return manifest.name();
  }

  /** Returns the JSON pointer of the inline label, or null if records carry none. */
  public @Nullable String labelField() {
    return labelField;
  }

  /** Returns the model, split where this task's head begins. */
  public Split split() {
    return split;
  }

  /** Returns the shape of one record at each of the split's features. */
  public List<long[]> featureShapes() {
    return featureShapes;
  }

  /** Returns the shape of one record at each feature; empty if the file leaves any size dynamic. */
  static Optional<List<long[]>> shapes(Split split) {
    if (split.dim() > 0) {
      return Optional.of(List.of(new long[] {split.dim()}));
    }
    List<long[]> known =
        split.featureShapes().stream()
            .flatMap(Optional::stream)
            .filter(shape -> Arrays.stream(shape).allMatch(side -> side > 0))
            .toList();
    return known.size() == split.features().size() ? Optional.of(known) : Optional.empty();
  }

  /** Returns the number of values per record at the cut. */
  public int featureSize() {
    return featureSize;
  }

  /** Returns the shape of a batch of records of this shape. */
  public static long[] batched(int records, long[] shape) {
    long[] batched = new long[shape.length + 1];
    batched[0] = records;
    System.arraycopy(shape, 0, batched, 1, shape.length);
    return batched;
  }

  /**
   * Returns the labels of the bundle by output index. They are empty in a cold start; a regression
   * task has one output name instead.
   */
  public List<String> labels() {
    return labels;
  }

  /** Returns the maximum number of weight rows per label in a new head's last layer. */
  public int subclasses() {
    return manifest.head().subclasses();
  }

  /** Returns the output type per record, or per pixel if the task is dense. */
  public Kind kind() {
    return manifest.kind();
  }

  /** Returns whether new labels may be learned; always false for dense and regression tasks. */
  public boolean open() {
    return manifest.open() && masks.isEmpty() && !(kind() instanceof Kind.Quantity);
  }

  /**
   * Checks that a label is valid for this task.
   *
   * @param field field of the label, for errors
   * @throws InvalidRecordException if it is not
   */
  public void checkLabel(String label, String field, @Nullable String recordId)
      throws InvalidRecordException {
    if (masks.isPresent()) {
      masks.get().decode(label, field, recordId);
      return;
    }
    String problem = kind().problem(label);
    if (problem == null && !open() && !labels.containsAll(kind().names(label))) {
      problem = "is not in the closed label set of task " + name();
    }
    if (problem != null) {
      throw new InvalidRecordException(field, problem, recordId);
    }
  }

  /** Returns why the tensors of a head do not fit this task, or null if they do. */
  public @Nullable String misfit(Head head) {
    Set<String> expected = new TreeSet<>(split.parameterNames());
    if (!head.tensors().keySet().equals(expected)) {
      return "the tensors are " + head.tensors().keySet() + ", expected " + expected;
    }
    for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
      long[] shape = split.shape(entry.getKey(), head.info().labels().size());
      if (!Arrays.equals(entry.getValue().shape(), shape)) {
        return "tensor "
            + entry.getKey()
            + " has shape "
            + Arrays.toString(entry.getValue().shape())
            + ", expected "
            + Arrays.toString(shape);
      }
    }
    return null;
  }

  /**
   * Returns the hex SHA-256 of backbone, cut and encoder (tokenizer and input settings). Heads and
   * samples with another fingerprint belong to another feature space.
   */
  public String fingerprint() {
    return fingerprint;
  }

  /**
   * Returns the model's own head as version 0, or empty in a cold start. It has no golden pairs,
   * because its output is correct by definition.
   */
  public Optional<Head> head() {
    if (!manifest.original()) {
      return Optional.empty();
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Parameter p : split.parameters()) {
      tensors.put(p.name(), new Tensor(p.shape(), p.values()));
    }
    Verdict verdict = new Verdict(true, "original head of the bundle", 0, Map.of());
    HeadInfo info =
        new HeadInfo(name(), 0, 0, labels, fingerprint, modelTime, "bundle", "none", verdict);
    return Optional.of(
        new Head(
            info,
            tensors,
            new Tensor(new long[] {0, rowSize()}, new float[0]),
            new Tensor(new long[] {0, (long) labels.size() * rowAnswers()}, new float[0])));
  }

  /**
   * Writes the whole model with this head as one ordinary ONNX file. The labels by output index are
   * written next to it, as JSON.
   *
   * @return the label file
   */
  public Path export(Head head, Path file) throws IOException {
    List<Parameter> parameters = new ArrayList<>();
    head.tensors().forEach((name, t) -> parameters.add(new Parameter(name, t.shape(), t.values())));
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.write(file, split.merge(parameters));
    Path labels = file.resolveSibling(file.getFileName() + ".labels.json");
    Json.MAPPER.writeValue(labels.toFile(), head.info().labels());
    return labels;
  }
}

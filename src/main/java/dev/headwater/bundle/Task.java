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

/** One thing predicted from a record: a cut of the bundle's network, and the labels it tells. */
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
  private final Optional<Sketch> sketch;
  private final boolean taughtByDraws;

  /**
   * @param labelField JSON pointer of the label that records bring; null where they bring none
   * @param tiling of a dense task
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
    sketch =
        tiling.isEmpty() && featureSize > Sketch.SIZE
            ? Optional.of(new Sketch(featureSize))
            : Optional.empty();
    taughtByDraws =
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

  /** How the classes of its pixels are written; empty but for a dense task. */
  public Optional<Masks> masks() {
    return masks;
  }

  /** How its features travel and are learned from; empty but for a dense task. */
  public Optional<Tiling> tiling() {
    return tiling;
  }

  /** Whether its head is one linear layer on one vector. */
  public boolean linear() {
    return split.linear().isPresent() && split.dim() > 0;
  }

  /** The shapes of what a head is trained on at once: of a tile, else of a record. */
  public List<long[]> rowShapes() {
    return tiling
        .map(
            tile ->
                featureShapes.stream()
                    .map(shape -> new long[] {shape[0], tile.tileHeight(), tile.tileWidth()})
                    .toList())
        .orElse(featureShapes);
  }

  /** How many values that is. */
  public int rowSize() {
    return tiling.map(Tiling::size).orElse(featureSize);
  }

  /** How many answers a head gives to that: one a pixel, else one. */
  public int rowAnswers() {
    return tiling.map(Tiling::answers).orElse(1);
  }

  /**
   * One vector for a record, by which it is compared with others: its features, but of a dense task
   * the mean of each channel, and of more than 1,024 features so many numbers that keep distances.
   */
  public float[] summary(float[] features) {
    return tiling
        .map(map -> map.summary(features))
        .or(() -> sketch.map(fewer -> fewer.of(features)))
        .orElse(features);
  }

  /**
   * What travels of a record whose label nobody is asked for: all its features where they teach,
   * which is where one label is told by one layer, and its {@link #summary} where they are only
   * there for drift to be seen in.
   */
  public float[] drawn(float[] features) {
    return taughtByDraws ? features : summary(features);
  }

  /** How many values that is. */
  public int drawnSize() {
    if (tiling.isPresent()) {
      return tiling.get().channels();
    }
    return taughtByDraws ? featureSize : Math.min(featureSize, Sketch.SIZE);
  }

  /** The {@link #summary} of a record of which this travelled. */
  public float[] summaryOfDrawn(float[] drawn) {
    return taughtByDraws ? summary(drawn) : drawn;
  }

  public String name() {
    return manifest.name();
  }

  /** JSON pointer of the label that records bring; null where they bring none. */
  public @Nullable String labelField() {
    return labelField;
  }

  /** The network, cut in two where this task's head begins. */
  public Split split() {
    return split;
  }

  /** Of one record, at each of the split's features. */
  public List<long[]> featureShapes() {
    return featureShapes;
  }

  /** Of one record, at each of the features; empty where the file does not fix them all. */
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

  /** How many values a record has at the cut. */
  public int featureSize() {
    return featureSize;
  }

  /** The shape of so many records of this shape. */
  public static long[] batched(int records, long[] shape) {
    long[] batched = new long[shape.length + 1];
    batched[0] = records;
    System.arraycopy(shape, 0, batched, 1, shape.length);
    return batched;
  }

  /**
   * The labels the bundle came with, by output index; empty in a cold start. Of a number the one
   * output.
   */
  public List<String> labels() {
    return labels;
  }

  /** How many rows of weights a label may have in a new head's last layer. */
  public int subclasses() {
    return manifest.head().subclasses();
  }

  /** What it tells of a record; of a dense task, of a pixel. */
  public Kind kind() {
    return manifest.kind();
  }

  /** Whether labels other than these may be learned; never those of pixels, nor of numbers. */
  public boolean open() {
    return manifest.open() && masks.isEmpty() && !(kind() instanceof Kind.Quantity);
  }

  /**
   * Checks that this may be the label of a record.
   *
   * @param field where the label was found
   * @throws InvalidRecordException saying why it may not
   */
  public void checkLabel(String label, String field, @Nullable String recordId)
      throws InvalidRecordException {
    if (masks.isPresent()) {
      masks.get().decode(label, field, recordId);
      return;
    }
    String problem = kind().problem(label);
    if (problem == null && !open() && !labels.containsAll(kind().names(label))) {
      problem = "is not in the closed label set of " + name();
    }
    if (problem != null) {
      throw new InvalidRecordException(field, problem, recordId);
    }
  }

  /** Why a head of these tensors cannot be run as one of the task, in words; null where it can. */
  public @Nullable String misfit(Head head) {
    Set<String> wanted = new TreeSet<>(split.parameterNames());
    if (!head.tensors().keySet().equals(wanted)) {
      return "it brings tensors " + head.tensors().keySet() + ", not " + wanted;
    }
    for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
      long[] shape = split.shape(entry.getKey(), head.info().labels().size());
      if (!Arrays.equals(entry.getValue().shape(), shape)) {
        return entry.getKey()
            + " is "
            + Arrays.toString(entry.getValue().shape())
            + ", not "
            + Arrays.toString(shape);
      }
    }
    return null;
  }

  /**
   * SHA-256 in hex over backbone, cut and encoder (tokenizer and input settings): heads and samples
   * of another fingerprint belong to another feature space.
   */
  public String fingerprint() {
    return fingerprint;
  }

  /**
   * The network's own head as version 0, without golden pairs: what it gives is right by
   * definition. Empty in a cold start.
   */
  public Optional<Head> head() {
    if (!manifest.original()) {
      return Optional.empty();
    }
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Parameter p : split.parameters()) {
      tensors.put(p.name(), new Tensor(p.shape(), p.values()));
    }
    Verdict verdict = new Verdict(true, "the head the bundle came with", 0, Map.of());
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
   * Writes the whole network with this head in it as one ordinary ONNX file, and the labels by
   * output index beside it, as JSON.
   *
   * @return the file of the labels
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

package dev.headwater.bundle;

import dev.headwater.onnx.Split;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An ONNX model with its input encoding, tasks and label sets. Immutable; {@link #load} reports all
 * problems at once.
 */
public final class Bundle {
  private final String name;
  private final List<Task> tasks;
  private final List<String> features;
  private final byte[] backbone;
  private final RecordDecoder decoder;
  private final boolean readsLabels;
  private final Medium medium;

  private Bundle(Manifest manifest, List<Task> tasks, Graph graph, RecordDecoder decoder) {
    this.name = manifest.name();
    this.medium = Medium.of(manifest.input());
    this.tasks = tasks;
    this.features = graph.features();
    this.backbone = graph.backbone();
    this.decoder = decoder;
    this.readsLabels =
        manifest.input().labels().stream().anyMatch(label -> label.pointer() != null);
  }

  /**
   * Loads and validates a bundle.
   *
   * @param manifest the bundle's {@code headwater.yaml}
   * @param directory base directory of the relative paths in the manifest
   * @throws BundleException listing every problem with its key
   */
  public static Bundle load(Path manifest, Path directory) throws BundleException {
    // without this, DJL downloads missing libraries and reports usage; all are on the class path
    System.setProperty("ai.djl.offline", "true");
    List<String> problems = new ArrayList<>();
    Manifest read = Manifest.read(manifest, directory, problems);
    // Manifest.read has already reported missing files
    List<List<String>> labels = read.tasks().stream().map(task -> labels(task, problems)).toList();
    Graph graph = Files.isRegularFile(read.model()) ? Graph.read(read, problems) : null;
    RecordDecoder decoder = null;
    if (graph != null) {
      for (int i = 0; i < labels.size(); i++) {
        Graph.checkLabels(graph.splits().get(i), labels.get(i), problems);
        Graph.checkQuantity(graph.splits().get(i), read.tasks().get(i), problems);
        Graph.checkMasks(graph.tilings().get(i), read.tasks().get(i), labels.get(i), problems);
      }
      try {
        decoder = decoder(read.input(), graph.inputs(), problems);
      } catch (ArithmeticException e) {
        problems.add("input: a record has more values than an array can hold: " + graph.inputs());
      }
    }
    try {
      if (problems.isEmpty() && graph != null && decoder != null) {
        return new Bundle(read, tasks(read, graph, labels), graph, decoder);
      }
    } catch (IOException e) {
      problems.add("cannot read the bundle's files: " + e);
    }
    throw new BundleException(manifest, problems);
  }

  private static @Nullable RecordDecoder decoder(
      Manifest.Input input, List<TensorInfo> inputs, List<String> problems) {
    if (input instanceof Manifest.Text text) {
      return TextDecoder.of(text, inputs, problems);
    }
    if (input instanceof Manifest.Image image) {
      return ImageDecoder.of(image, inputs, problems);
    }
    return input instanceof Manifest.Tabular tabular
        ? TabularDecoder.of(tabular, inputs, problems)
        : TensorDecoder.of(inputs, problems);
  }

  private static List<String> labels(Manifest.Task task, List<String> problems) {
    return task.kind() instanceof Kind.Quantity
        ? List.of(Kind.Quantity.OUTPUT)
        : labels(task.labels(), problems);
  }

  private static List<String> labels(@Nullable Path file, List<String> problems) {
    if (file == null || !Files.isRegularFile(file)) {
      return List.of();
    }
    try {
      List<String> labels = List.of(Json.MAPPER.readValue(file.toFile(), String[].class));
      if (labels.isEmpty() || labels.stream().anyMatch(String::isBlank)) {
        problems.add("labels: " + file + " is empty or contains a blank label");
      } else if (new HashSet<>(labels).size() < labels.size()) {
        problems.add("labels: " + file + " contains a duplicate label");
      }
      return labels;
    } catch (IOException | NullPointerException e) {
      // null elements of the array also end up here
      problems.add("labels: " + file + " is not a JSON array of labels by output index: " + e);
      return List.of();
    }
  }

  private static List<Task> tasks(Manifest manifest, Graph graph, List<List<String>> labels)
      throws IOException {
    Instant modelTime = Files.getLastModifiedTime(manifest.model()).toInstant();
    List<Manifest.LabelField> inline = manifest.input().labels(); // empty for tensors
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i < labels.size(); i++) {
      Split split = graph.splits().get(i);
      String fingerprint = fingerprint(split, manifest.input(), graph.inputs());
      tasks.add(
          new Task(
              manifest.tasks().get(i),
              inline.isEmpty() ? null : inline.get(i).pointer(),
              split,
              labels.get(i),
              fingerprint,
              modelTime,
              graph.tilings().get(i)));
    }
    return List.copyOf(tasks);
  }

  private static String fingerprint(Split split, Manifest.Input input, List<TensorInfo> inputs)
      throws IOException {
    MessageDigest digest = sha256();
    update(digest, split.backbone());
    update(digest, split.features().toString().getBytes(StandardCharsets.UTF_8));
    update(digest, input.encoding().getBytes(StandardCharsets.UTF_8));
    if (input instanceof Manifest.Text text) {
      update(digest, Files.readAllBytes(text.tokenizer()));
      if (TextDecoder.seesPadding(inputs)) {
        update(digest, "padded".getBytes(StandardCharsets.UTF_8));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Prefixes each part with its length, so that different lists of parts never collide. */
  private static void update(MessageDigest digest, byte[] bytes) {
    digest.update((bytes.length + ":").getBytes(StandardCharsets.UTF_8));
    digest.update(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  public String name() {
    return name;
  }

  /** Returns the tasks, at least one. */
  public List<Task> tasks() {
    return tasks;
  }

  public List<String> taskNames() {
    return tasks().stream().map(Task::name).toList();
  }

  /**
   * Returns the task whose unlabelled samples also serve this task. Regression tasks learn nothing
   * from unlabelled samples, so they share those of another task at the same cut.
   */
  public Task unlabelledSource(Task task) {
    if (!(task.kind() instanceof Kind.Quantity)) {
      return task;
    }
    return tasks.stream()
        .filter(t -> t.fingerprint().equals(task.fingerprint()) && t.tiling().isEmpty())
        .min(Comparator.comparing(t -> t.kind() instanceof Kind.Quantity))
        .orElseThrow();
  }

  /** Returns the first task, which is the only one in most bundles. */
  public Task task() {
    return tasks.get(0);
  }

  /** Returns the backbone as ONNX, from the model's inputs to {@link #features}. */
  public byte[] backbone() {
    return backbone;
  }

  /** Returns the names of all tensors at which a task's head begins. */
  public List<String> features() {
    return features;
  }

  /** Returns whether records may carry inline labels. */
  public boolean readsLabels() {
    return readsLabels;
  }

  /** Returns which part of a record is shown to annotators. */
  public Medium medium() {
    return medium;
  }

  /** Returns the decoder that turns record bytes into model inputs. */
  public RecordDecoder decoder() {
    return decoder;
  }
}

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
 * A network with all it takes to feed and to read it: what stays frozen of a deployment. Loaded
 * once and immutable; what can be wrong with it is found in {@link #load}, all of it at once.
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
   * @param manifest the bundle's {@code headwater.yaml}
   * @param directory what the paths in it are relative to
   * @throws BundleException listing every problem with its key
   */
  public static Bundle load(Path manifest, Path directory) throws BundleException {
    // DJL otherwise downloads what it misses and reports its use; everything is on the class path
    System.setProperty("ai.djl.offline", "true");
    List<String> problems = new ArrayList<>();
    Manifest read = Manifest.read(manifest, directory, problems);
    // a missing file has been told already, and says nothing more
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
        problems.add("input: a record has more numbers than an array holds, of " + graph.inputs());
      }
    }
    try {
      if (problems.isEmpty() && graph != null && decoder != null) {
        return new Bundle(read, tasks(read, graph, labels), graph, decoder);
      }
    } catch (IOException e) {
      problems.add("the bundle's files cannot be read: " + e);
    }
    throw new BundleException(manifest, problems);
  }

  private static @Nullable RecordDecoder decoder(
      Manifest.Input input, List<TensorInfo> wanted, List<String> problems) {
    if (input instanceof Manifest.Text text) {
      return TextDecoder.of(text, wanted, problems);
    }
    if (input instanceof Manifest.Image image) {
      return ImageDecoder.of(image, wanted, problems);
    }
    return input instanceof Manifest.Tabular tabular
        ? TabularDecoder.of(tabular, wanted, problems)
        : TensorDecoder.of(wanted, problems);
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
        problems.add("labels: " + file + " is empty or holds a blank label");
      } else if (new HashSet<>(labels).size() < labels.size()) {
        problems.add("labels: " + file + " lists a label twice");
      }
      return labels;
    } catch (IOException | NullPointerException e) {
      // null elements of the array end up here as well
      problems.add("labels: " + file + " is no JSON array of labels by output index: " + e);
      return List.of();
    }
  }

  private static List<Task> tasks(Manifest manifest, Graph graph, List<List<String>> labels)
      throws IOException {
    Instant modelTime = Files.getLastModifiedTime(manifest.model()).toInstant();
    List<Manifest.LabelField> inline = manifest.input().labels(); // of a tensor none
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
    part(digest, split.backbone());
    part(digest, split.features().toString().getBytes(StandardCharsets.UTF_8));
    part(digest, input.encoding().getBytes(StandardCharsets.UTF_8));
    if (input instanceof Manifest.Text text) {
      part(digest, Files.readAllBytes(text.tokenizer()));
      if (TextDecoder.seesPadding(inputs)) {
        part(digest, "padded".getBytes(StandardCharsets.UTF_8));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Length first, so that no two lists of parts run together to the same bytes. */
  private static void part(MessageDigest digest, byte[] bytes) {
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

  /** The bundle's name. */
  public String name() {
    return name;
  }

  /** What is predicted from a record, one thing at least. */
  public List<Task> tasks() {
    return tasks;
  }

  /** Likewise, their names. */
  public List<String> taskNames() {
    return tasks().stream().map(Task::name).toList();
  }

  /**
   * The task whose unlabelled draws stand for this one's too: of a number those teach nothing, and
   * their features are those of another task at the same cut.
   */
  public Task drawer(Task task) {
    if (!(task.kind() instanceof Kind.Quantity)) {
      return task;
    }
    return tasks.stream()
        .filter(t -> t.fingerprint().equals(task.fingerprint()) && t.tiling().isEmpty())
        .min(Comparator.comparing(t -> t.kind() instanceof Kind.Quantity))
        .orElseThrow();
  }

  /** The first task, and the only one of most bundles. */
  public Task task() {
    return tasks.get(0);
  }

  /** ONNX, from the network's inputs to {@link #features}. */
  public byte[] backbone() {
    return backbone;
  }

  /** Every tensor at which the head of a task begins. */
  public List<String> features() {
    return features;
  }

  /** Whether a record may bring its label with it. */
  public boolean readsLabels() {
    return readsLabels;
  }

  /** What of a record a person looks at. */
  public Medium medium() {
    return medium;
  }

  /** From bytes to the network's inputs. */
  public RecordDecoder decoder() {
    return decoder;
  }
}

package dev.headwater.bundle;

import dev.headwater.onnx.Parameter;
import dev.headwater.onnx.Split;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A network with all it takes to feed and to read it: what stays frozen of a deployment. Loaded
 * once and immutable; what can be wrong with it is found in {@link #load}, all of it at once.
 */
public final class Bundle {
  private final Manifest manifest;
  private final Split split;
  private final RecordDecoder decoder;
  private final List<String> labels;
  private final String fingerprint;
  private final Instant modelTime;

  private Bundle(
      Manifest manifest, Split split, RecordDecoder decoder, List<String> labels, Source source) {
    this.manifest = manifest;
    this.split = split;
    this.decoder = decoder;
    this.labels = labels;
    this.fingerprint = source.fingerprint();
    this.modelTime = source.modelTime();
  }

  private record Source(String fingerprint, Instant modelTime) {}

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
    List<String> labels = labels(read.labels(), problems);
    Graph graph = Files.isRegularFile(read.model()) ? Graph.read(read, problems) : null;
    RecordDecoder decoder = null;
    if (graph != null) {
      graph.checkLabels(labels, problems);
      decoder = decoder(read.input(), graph.inputs(), problems);
    }
    try {
      if (problems.isEmpty() && graph != null && decoder != null) {
        return new Bundle(read, graph.split(), decoder, labels, source(read, graph.split()));
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
    return input instanceof Manifest.Image image
        ? ImageDecoder.of(image, wanted, problems)
        : TabularDecoder.of((Manifest.Tabular) input, wanted, problems);
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

  private static Source source(Manifest manifest, Split split) throws IOException {
    MessageDigest digest = sha256();
    part(digest, split.backbone());
    part(digest, split.features().toString().getBytes(StandardCharsets.UTF_8));
    part(digest, manifest.input().encoding().getBytes(StandardCharsets.UTF_8));
    if (manifest.input() instanceof Manifest.Text text) {
      part(digest, Files.readAllBytes(text.tokenizer()));
    }
    return new Source(
        HexFormat.of().formatHex(digest.digest()),
        Files.getLastModifiedTime(manifest.model()).toInstant());
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
    return manifest.name();
  }

  /** What is predicted from a record. */
  public String task() {
    return manifest.task();
  }

  /** The network, cut in two. */
  public Split split() {
    return split;
  }

  /** From bytes to the network's inputs. */
  public RecordDecoder decoder() {
    return decoder;
  }

  /** The labels the bundle came with, by output index; empty in a cold start. */
  public List<String> labels() {
    return labels;
  }

  /** Whether labels other than these may be learned. */
  public boolean open() {
    return manifest.open();
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
        new HeadInfo(task(), 0, 0, labels, fingerprint, modelTime, "bundle", "none", verdict);
    return Optional.of(
        new Head(
            info,
            tensors,
            new Tensor(new long[] {0, split.dim()}, new float[0]),
            new Tensor(new long[] {0, labels.size()}, new float[0])));
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

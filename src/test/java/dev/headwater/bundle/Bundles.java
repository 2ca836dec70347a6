package dev.headwater.bundle;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Json;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Assumptions;

/** Small bundles on disk, and the real ones where they are at hand. */
public final class Bundles {
  /** Ids the text bundle's embedding knows; {@code poison} is the first it does not. */
  private static final int VOCABULARY = 8;

  /** A PNG of two by two grey pixels, in base64. */
  public static final String PIXELS = pixels();

  private Bundles() {}

  private static String pixels() {
    BufferedImage image = new BufferedImage(2, 2, BufferedImage.TYPE_BYTE_GRAY);
    image.getRaster().setSamples(0, 0, 2, 2, 0, new int[] {0, 85, 170, 255});
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    try {
      ImageIO.write(image, "png", png);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Base64.getEncoder().encodeToString(png.toByteArray());
  }

  /** A linear classifier over grey pictures of so many pixels a side, {@code {"id", "image"}}. */
  public static Bundle pictures(Path directory, int side, int classes) throws Exception {
    return pictures(directory, side, classes, "{id: /id, label: /label, image: /image}");
  }

  /**
   * @param input of its manifest
   */
  public static Bundle pictures(Path directory, int side, int classes, String input)
      throws Exception {
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, side, side)
            .weight("fc.weight", classes, side * side)
            .weight("fc.bias", classes)
            .node("Flatten", "features", "image")
            .node("Gemm", "logits", Map.of("transB", 1), "features", "fc.weight", "fc.bias")
            .output("logits", -1, classes)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    labels(directory, classes);
    return load(
        directory,
        """
        name: pictures
        task: thing
        model: model.onnx
        labels: labels.json
        input: %s
        """
            .formatted(input));
  }

  /**
   * Tells {@code dark} from {@code light} pixel by pixel in grey pictures {@code {"id", "image",
   * "label"}} of this size, by weights that nobody trained.
   *
   * @param kernel of the head's first convolution; the cut is before it
   */
  public static Bundle segments(Path directory, int height, int width, int kernel)
      throws Exception {
    return segments(directory, height, width, kernel, List.of("dark", "light"));
  }

  /** Likewise, of other labels; every pixel by itself. */
  public static Bundle segments(Path directory, int height, int width, List<String> labels)
      throws Exception {
    return segments(directory, height, width, 1, labels);
  }

  private static Bundle segments(
      Path directory, int height, int width, int kernel, List<String> labels) throws Exception {
    Files.createDirectories(directory);
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, height, width)
            .weight("stem.weight", 4, 1, 1, 1)
            .weight("stem.bias", 4)
            .weight("hidden.weight", 6, 4, kernel, kernel)
            .weight("hidden.bias", 6)
            .weight("classifier.weight", labels.size(), 6, 1, 1)
            .weight("classifier.bias", labels.size())
            .node("Conv", "stem", "image", "stem.weight", "stem.bias")
            .node("Relu", "features", "stem")
            .node(
                "Conv",
                "hidden",
                Map.of("pads", pads(kernel)),
                "features",
                "hidden.weight",
                "hidden.bias")
            .node("Relu", "bent", "hidden")
            .node("Conv", "logits", "bent", "classifier.weight", "classifier.bias")
            .output("logits", -1, labels.size(), height, width)
            .declare("features", -1, 4, height, width)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    Json.MAPPER.writeValue(directory.resolve("labels.json").toFile(), labels);
    return load(
        directory,
        """
        name: segments
        task: pixels
        model: model.onnx
        labels: labels.json
        cut: features
        input: {id: /id, label: /label, image: /image}
        """);
  }

  /** A classifier of 10 x 10 pictures whose map, twice as coarse, gets a new dense head. */
  public static Bundle newDense(Path directory, String more) throws Exception {
    Files.createDirectories(directory);
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, 10, 10)
            .weight("stem.weight", 6, 1, 3, 3)
            .weight("stem.bias", 6)
            .integers("vector", DataType.INT64, new long[] {2}, 0, -1)
            .weight("fc.weight", 3, 150)
            .node("Conv", "stem", Map.of("pads", pads(3)), "image", "stem.weight", "stem.bias")
            .node("Relu", "relu", "stem")
            .node(
                "AveragePool",
                "map",
                Map.of("kernel_shape", new long[] {2, 2}, "strides", new long[] {2, 2}),
                "relu")
            .node("Reshape", "flat", "map", "vector")
            .node("Gemm", "kinds", Map.of("transB", 1), "flat", "fc.weight")
            .declare("map", -1, 6, 5, 5)
            .output("kinds", -1, 3)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    Files.writeString(directory.resolve("labels.json"), "[\"dark\", \"light\"]");
    String task = more.startsWith("tasks:") ? "" : "task: pixels\n";
    return load(directory, "name: new\nmodel: model.onnx\n" + task + more);
  }

  /** On pictures of this size. */
  public static Bundle newDense(Path directory, int height, int width) throws Exception {
    return newDense(
        directory,
        """
        head: dense
        cut: map
        hidden: [8]
        labels: labels.json
        input: {id: /id, label: /label, image: /image, size: [%d, %d]}
        """
            .formatted(height, width));
  }

  private static long[] pads(int kernel) {
    long[] pads = new long[4];
    java.util.Arrays.fill(pads, (kernel - 1) / 2);
    return pads;
  }

  /** An MLP over {@code {"id", "label", "x": [dim numbers]}}, with a head of its own. */
  public static Bundle tabular(Path directory, int dim, int classes) throws Exception {
    return tabular(directory, dim, classes, "");
  }

  /**
   * @param more lines of the manifest
   */
  public static Bundle tabular(Path directory, int dim, int classes, String more) throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(dim, 16, classes));
    labels(directory, classes);
    return load(
        directory,
        """
        name: small
        task: kind
        model: model.onnx
        labels: labels.json
        %s
        input: {id: /id, label: /label, numbers: /x}
        """
            .formatted(more));
  }

  /** The same over so many float32 a record, little-endian, and nothing else. */
  public static Bundle tensors(Path directory, int dim, int classes) throws Exception {
    return tensors(directory, dim, 16, classes);
  }

  /**
   * @param hidden features of a record
   */
  public static Bundle tensors(Path directory, int dim, int hidden, int classes) throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(dim, hidden, classes));
    labels(directory, classes);
    return load(
        directory,
        """
        name: raw
        task: kind
        model: model.onnx
        labels: labels.json
        input: {format: tensor}
        """);
  }

  /** The MLP's own task, {@code kind}, and {@code size}, which begins with no head. */
  public static Bundle twoTasks(Path directory, int dim, int classes) throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.mlp(dim, 16, classes));
    labels(directory, classes);
    return load(
        directory,
        """
        name: two
        model: model.onnx
        tasks:
          - {name: kind, labels: labels.json, label: /label}
          - {name: size, head: none, label: /size}
        input: {id: /id, numbers: /x}
        """);
  }

  /** Sum-pooled word vectors over {@code {"id", "label", "text"}}, with a head of its own. */
  public static Bundle text(Path directory, int dim, int classes) throws Exception {
    GraphFixture network =
        wordVectors(dim)
            .node("Mul", "masked", "vectors", "weights")
            .node("ReduceSum", "features", Map.of("keepdims", 0), "masked", "one");
    return words(directory, network, dim, classes, "cut: auto", 128);
  }

  /**
   * Words seen through one layer each, then averaged over the text: cut before that layer, so that
   * each text is padded to five tokens.
   */
  public static Bundle deepText(Path directory, int dim, int classes) throws Exception {
    GraphFixture network =
        wordVectors(dim)
            .weight("layer.weight", dim, dim)
            .node("MatMul", "seen", "vectors", "layer.weight")
            .node("Tanh", "bent", "seen")
            .node("Mul", "masked", "bent", "weights")
            .node("ReduceSum", "sum", Map.of("keepdims", 0), "masked", "one")
            .node("ReduceSum", "words", Map.of("keepdims", 0), "weights", "one")
            .node("Div", "features", "sum", "words");
    return words(directory, network, dim, classes, "cut: -2", 5);
  }

  private static GraphFixture wordVectors(int dim) {
    return GraphFixture.opset(17)
        .integerInput("input_ids", -1, -1)
        .integerInput("attention_mask", -1, -1)
        .weight("embedding", VOCABULARY, dim)
        .integers("one", DataType.INT64, new long[] {1}, 1)
        .integers("two", DataType.INT64, new long[] {1}, 2)
        .node("Gather", "vectors", "embedding", "input_ids")
        .node("Cast", "mask", Map.of("to", 1), "attention_mask")
        .node("Unsqueeze", "weights", "mask", "two");
  }

  private static Bundle words(
      Path directory, GraphFixture network, int dim, int classes, String cut, int maxTokens)
      throws Exception {
    network
        .weight("fc.weight", classes, dim)
        .weight("fc.bias", classes)
        .node("Gemm", "logits", Map.of("transB", 1), "features", "fc.weight", "fc.bias")
        .output("logits", -1, classes);
    Files.write(directory.resolve("model.onnx"), network.bytes());
    Files.writeString(directory.resolve("tokenizer.json"), Tokenizers.WORDS);
    labels(directory, classes);
    return load(
        directory,
        """
        name: words
        task: intent
        model: model.onnx
        labels: labels.json
        %s
        input: {id: /id, label: /label, text: /text, tokenizer: tokenizer.json, max-tokens: %d}
        """
            .formatted(cut, maxTokens));
  }

  /** An encoder that stops at its hidden states: mean-pooled, and no head yet. */
  public static Bundle coldStart(Path directory, int dim) throws Exception {
    Files.write(directory.resolve("model.onnx"), GraphFixture.encoder(17, VOCABULARY, dim));
    Files.writeString(directory.resolve("tokenizer.json"), Tokenizers.WORDS);
    return load(
        directory,
        """
        name: encoder
        task: intent
        model: model.onnx
        head: none
        input:
          {format: text, tokenizer: tokenizer.json, pooling: mean, normalize: true}
        """);
  }

  public static Bundle load(Path directory, String manifest) throws Exception {
    Path file = Files.writeString(directory.resolve("headwater.yaml"), manifest);
    return Bundle.load(file, directory);
  }

  private static void labels(Path directory, int classes) throws Exception {
    List<String> labels = IntStream.range(0, classes).mapToObj(i -> "label-" + i).toList();
    Files.write(directory.resolve("labels.json"), Json.MAPPER.writeValueAsBytes(labels));
  }

  /** One of the real models; skips the test where the data is not at hand. */
  public static Path data(String name) {
    String configured = System.getenv("HEADWATER_DATA");
    Path data = configured == null ? Path.of("../shared/data") : Path.of(configured);
    Assumptions.assumeTrue(
        Files.isDirectory(data.resolve(name)),
        "the real models are not at " + data + "; set HEADWATER_DATA");
    return data.resolve(name);
  }

  public static Bundle clinc(Path directory) throws Exception {
    Path data = data("clinc");
    Path manifest =
        Files.writeString(
            directory.resolve("clinc.yaml"),
            """
            name: clinc
            task: intent
            model: model.onnx
            labels: labels.json
            input: {id: /id, text: /text, label: /label, tokenizer: tokenizer.json}
            """);
    return Bundle.load(manifest, data);
  }

  public static Bundle gas(Path directory) throws Exception {
    Path data = data("gas");
    Path manifest =
        Files.writeString(
            directory.resolve("gas.yaml"),
            """
            name: gas
            task: gas
            model: model.onnx
            labels: labels.json
            open: false
            input: {id: /id, label: /label, numbers: /features}
            """);
    return Bundle.load(manifest, data);
  }
}

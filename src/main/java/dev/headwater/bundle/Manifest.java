package dev.headwater.bundle;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.onnx.NewHead;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The content of {@code headwater.yaml}; paths are resolved against the bundle's directory.
 *
 * @param tasks at least one
 * @param pooling pooling of an encoder that outputs hidden states
 * @param normalize whether the pooled vector is scaled to length 1
 */
record Manifest(
    String name, Path model, List<Task> tasks, Input input, Pooling pooling, boolean normalize) {
  /** Number of channels by the index of the {@code colours} choice. */
  private static final int[] CHANNELS = {0, 1, 3};

  /** Largest side of an image, in pixels; a square RGB image stays below an array's 2 GiB. */
  private static final int MAX_SIDE = 8192;

  /**
   * One task.
   *
   * @param cut {@code auto}, tensor names separated by commas, or {@code -N} parametrised layers
   *     from the end
   * @param head the new head; linear if the task keeps the model's own head
   * @param labels file of labels; null if labels come from the stream
   * @param original whether the model's own head serves as version 0; otherwise a cold start
   * @param open whether labels that are not listed may be learned
   * @param kind type of its labels; for a dense task, of the labels of its pixels
   * @param dense whether the head is a new one that labels every pixel
   * @param maskValues the grey value of each class of a dense task; empty to space them evenly
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Task(
      String name,
      String cut,
      NewHead head,
      @Nullable Path labels,
      boolean original,
      boolean open,
      Kind kind,
      boolean dense,
      int[] maskValues) {}

  /**
   * The inline label of a task.
   *
   * @param pointer JSON pointer of the label in a record; null if records carry none
   */
  record LabelField(@Nullable String pointer, Kind kind) {}

  /** How a record is turned into model inputs. */
  sealed interface Input {
    /** Returns the settings that affect the features, as canonical text for the fingerprint. */
    String encoding();

    /** Returns the inline labels by task index; empty if records have no fields. */
    List<LabelField> labels();
  }

  /** How hidden states become one vector: by the model itself, their mean, or the first token. */
  enum Pooling {
    NONE,
    MEAN,
    FIRST
  }

  /**
   * Text input.
   *
   * @param text pointer of the text; null if the whole value is the text
   */
  record Text(
      @Nullable String id,
      List<LabelField> labels,
      @Nullable String text,
      Path tokenizer,
      int maxTokens,
      int maxCharacters)
      implements Input {
    @Override
    public String encoding() {
      return "text " + (text == null ? "" : text) + " tokens " + maxTokens;
    }
  }

  /**
   * Numeric input.
   *
   * @param array whether {@code numbers} is one pointer to an array
   */
  record Tabular(@Nullable String id, List<LabelField> labels, List<String> numbers, boolean array)
      implements Input {
    @Override
    public String encoding() {
      return "numbers " + numbers;
    }
  }

  /**
   * Image input.
   *
   * @param image pointer of the base64-encoded file; null if the whole value is the file
   * @param channels 1 for grey, 3 for RGB, 0 to use the model's
   * @param layout 0 to use the model's, 1 for channels first, 2 for channels last
   * @param size height and width; empty to use the model's
   * @param resize length of the shorter side in pixels before the centre crop; 0 to stretch
   * @param mean one value for all channels, one per channel, or empty for 0
   * @param std one value for all channels, one per channel, or empty for 1
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Image(
      @Nullable String id,
      List<LabelField> labels,
      @Nullable String image,
      int channels,
      int layout,
      int[] size,
      int resize,
      float[] mean,
      float[] std,
      int maxPixels)
      implements Input {
    @Override
    public String encoding() {
      // not %d: its digits depend on the locale, and the fingerprint must not
      return "image %s size %s resize %s mean %s std %s"
          .formatted(
              image == null ? "" : image,
              Arrays.toString(size),
              resize,
              Arrays.toString(mean),
              Arrays.toString(std))
          .concat(channels == 0 ? "" : " channels " + channels);
    }
  }

  /** Tensor input: the whole value is the model's input as raw bytes. */
  record Tensor() implements Input {
    @Override
    public String encoding() {
      return "tensor";
    }

    @Override
    public List<LabelField> labels() {
      return List.of();
    }
  }

  private static final YAMLMapper YAML =
      YAMLMapper.builder().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).build();

  /** Reads the manifest as far as possible; adds every problem with its key to {@code problems}. */
  static Manifest read(Path manifest, Path directory, List<String> problems) {
    Section root = new Section(parse(manifest, problems), "", problems);
    Section input = root.section("input");
    List<Task> tasks = new ArrayList<>();
    List<LabelField> labels = new ArrayList<>();
    if (root.has("tasks")) {
      for (Section task : root.sections("tasks")) {
        Task read = task(task, "name", directory);
        tasks.add(read);
        labels.add(new LabelField(task.pointer("label"), read.kind()));
        task.rejectUnknownKeys();
      }
    } else {
      Task read = task(root, "task", directory);
      tasks.add(read);
      labels.add(new LabelField(input.pointer("label"), read.kind()));
    }
    if (tasks.stream().map(Task::name).distinct().count() < tasks.size()) {
      root.problem("tasks", "task names must be unique");
    }
    Pooling pooling = Pooling.values()[input.choice("pooling", "none", "mean", "first")];
    if (pooling != Pooling.NONE && tasks.stream().anyMatch(Task::original)) {
      input.problem("pooling", "requires an encoder without a head: set head: none");
    }
    boolean normalize = input.flag("normalize", false);
    if (normalize && pooling == Pooling.NONE) {
      input.problem("normalize", "requires pooling: mean or first");
    }
    Manifest read =
        new Manifest(
            root.required("name"),
            root.file("model", directory),
            tasks,
            input(input, labels, directory),
            pooling,
            normalize);
    root.rejectUnknownKeys();
    input.rejectUnknownKeys();
    return read;
  }

  private static Task task(Section task, String name, Path directory) {
    int head = task.choice("head", "original", "none", "dense");
    boolean original = head == 0;
    boolean dense = head == 2;
    if (!original && !dense && task.has("labels")) {
      task.problem("labels", "is not allowed with head: none; labels come from the stream");
    }
    Kind kind = kind(task);
    boolean quantity = kind instanceof Kind.Quantity;
    if (quantity) {
      Stream.of("labels", "open", "mask-values")
          .filter(task::has)
          .forEach(key -> task.problem(key, "is not allowed with kind: regression"));
    }
    boolean open = task.flag("open", true);
    if (!original && !dense && !open) {
      task.problem("open", "must be true with head: none, because a cold start has no labels yet");
    }
    if (dense && !task.has("cut")) {
      task.problem(
          "cut", "is missing: set the name of the feature map that is the input of head: dense");
    }
    return new Task(
        task.required(name),
        task.has("cut") ? String.join(", ", task.texts("cut")) : "auto",
        newHead(task, head, kind),
        (original || dense) && !quantity ? task.file("labels", directory) : null,
        original,
        open,
        kind,
        dense,
        maskValues(task));
  }

  private static Kind kind(Section task) {
    int kind = task.choice("kind", "classification", "regression", "multi-label");
    if (kind != 1 && task.has("scale")) {
      task.problem("scale", "requires kind: regression");
    }
    return switch (kind) {
      case 1 -> new Kind.Quantity(task.choice("scale", "linear", "log") == 1);
      case 2 -> new Kind.LabelSet();
      default -> new Kind.OneLabel();
    };
  }

  private static int[] maskValues(Section task) {
    float[] numbers = task.numbers("mask-values");
    int[] values = new int[numbers.length];
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < values.length; i++) {
      values[i] = (int) numbers[i];
      if (values[i] != numbers[i] || values[i] < 0 || values[i] > 255 || !seen.add(values[i])) {
        task.problem("mask-values", "must be distinct integers from 0 to 255");
        return new int[0];
      }
    }
    return values;
  }

  /**
   * @param head index of the {@code head} choice: 0 for original, 1 for none, 2 for dense
   */
  private static NewHead newHead(Section task, int head, Kind kind) {
    if (head == 0 && task.has("hidden")) {
      task.problem("hidden", "requires a new head: set head: none or head: dense");
    }
    if (task.has("subclasses") && !(head == 1 && kind instanceof Kind.OneLabel)) {
      task.problem("subclasses", "requires head: none and kind: classification");
    }
    List<Integer> hidden = new ArrayList<>();
    for (float width : task.numbers("hidden")) {
      hidden.add(width == (int) width ? (int) width : 0);
    }
    try {
      new NewHead(hidden, 1);
    } catch (IllegalArgumentException e) {
      task.problem("hidden", String.valueOf(e.getMessage()));
      return NewHead.LINEAR;
    }
    try {
      return new NewHead(hidden, 1, task.positive("subclasses", 1));
    } catch (IllegalArgumentException e) {
      task.problem("subclasses", String.valueOf(e.getMessage()));
      return NewHead.LINEAR;
    }
  }

  private static JsonNode parse(Path manifest, List<String> problems) {
    try {
      return YAML.readTree(Files.readAllBytes(manifest));
    } catch (JsonProcessingException e) {
      problems.add(
          "line " + e.getLocation().getLineNr() + " is not valid YAML: " + e.getOriginalMessage());
    } catch (IOException e) {
      problems.add("cannot read the manifest: " + e);
    }
    return YAML.createObjectNode();
  }

  private static Input input(Section input, List<LabelField> labels, Path directory) {
    int format = input.choice("format", "json", "text", "image", "tensor");
    String id = input.pointer("id");
    if (format > 0) {
      Stream.of("id", "label", "text", "numbers", "image")
          .filter(input::has)
          .forEach(key -> input.problem(key, "is not allowed with format: text, image or tensor"));
      if (!input.has("label") && labels.stream().anyMatch(label -> label.pointer() != null)) {
        input.problem(
            "format", "text, image and tensor have no fields: remove label from the tasks");
      }
    }
    if (format == 3) {
      return new Tensor();
    }
    if (format == 2) {
      return image(input, null, List.of(), null);
    }
    List<String> kinds = Stream.of("text", "numbers", "image").filter(input::has).toList();
    if (kinds.size() > 1) {
      input.problem(kinds.get(1), "cannot be combined with " + kinds.get(0));
    }
    if (format == 0 && kinds.isEmpty()) {
      input.problem("text", "is missing: set the JSON pointer of text, numbers or image");
    }
    String kind = format == 1 || kinds.isEmpty() ? "text" : kinds.get(0);
    if (kind.equals("numbers")) {
      List<String> numbers = input.pointers(kind);
      checkDistinct(input, id, labels, numbers);
      return new Tabular(id, labels, numbers, !input.list(kind));
    }
    String field = input.pointer(kind);
    checkDistinct(input, id, labels, field == null ? List.of() : List.of(field));
    return kind.equals("image")
        ? image(input, id, labels, field)
        : text(input, directory, id, labels, field);
  }

  private static Image image(
      Section input, @Nullable String id, List<LabelField> labels, @Nullable String image) {
    float[] size = input.numbers("size");
    if (size.length > 0 && (size.length != 2 || !isSide(size[0]) || !isSide(size[1]))) {
      input.problem("size", "must be [height, width] in pixels, 1 to %d each".formatted(MAX_SIDE));
      size = new float[0];
    }
    float[] std = input.numbers("std");
    for (float each : std) {
      if (each <= 0) {
        input.problem("std", "must be above 0");
      }
    }
    return new Image(
        id,
        labels,
        image,
        CHANNELS[input.choice("colours", "auto", "grey", "rgb")],
        input.choice("layout", "auto", "channels-first", "channels-last"),
        size.length == 0 ? new int[0] : new int[] {(int) size[0], (int) size[1]},
        input.has("resize") ? input.positive("resize", 1) : 0,
        input.numbers("mean"),
        std,
        input.positive("max-pixels", 25_000_000));
  }

  private static boolean isSide(float size) {
    return size >= 1 && size <= MAX_SIDE && size == (int) size;
  }

  private static Text text(
      Section input,
      Path directory,
      @Nullable String id,
      List<LabelField> labels,
      @Nullable String text) {
    return new Text(
        id,
        labels,
        text,
        input.file("tokenizer", directory),
        input.positive("max-tokens", 128),
        input.positive("max-characters", 20_000));
  }

  /** Checks that no field is configured twice or contains another configured field. */
  private static void checkDistinct(
      Section input, @Nullable String id, List<LabelField> labels, List<String> fields) {
    Set<String> seen = new HashSet<>();
    List<String> all = new ArrayList<>(fields);
    Stream.concat(Stream.of(id), labels.stream().map(LabelField::pointer))
        .filter(p -> p != null)
        .forEach(all::add);
    for (String pointer : all) {
      if (!seen.add(pointer)) {
        input.problem(pointer, "is configured twice");
      }
    }
    for (String pointer : all) {
      for (int slash = pointer.lastIndexOf('/');
          slash > 0;
          slash = pointer.lastIndexOf('/', slash - 1)) {
        if (seen.contains(pointer.substring(0, slash))) {
          input.problem(
              pointer, "is inside " + pointer.substring(0, slash) + ", which is also configured");
        }
      }
    }
  }
}

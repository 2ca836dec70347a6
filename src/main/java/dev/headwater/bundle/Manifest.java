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
 * {@code headwater.yaml}, as written; paths are resolved against the bundle's directory.
 *
 * @param tasks one at least
 * @param pooling of an encoder that stops at its hidden states
 * @param normalize whether what is pooled is scaled to length 1
 */
record Manifest(
    String name, Path model, List<Task> tasks, Input input, Pooling pooling, boolean normalize) {
  /** Channels by the choice of colours. */
  private static final int[] COLOURS = {0, 1, 3};

  /** Of a picture's sides: a square of it in RGB is below the 2 GiB that an array holds. */
  private static final int LONGEST = 8192;

  /**
   * What is predicted.
   *
   * @param cut {@code auto}, tensors' names between commas, or {@code -N} parametrised layers from
   *     the end
   * @param head of a task whose head is new; linear of others
   * @param labels null where the stream brings them
   * @param original whether the network's own head serves as version 0; without it, a cold start
   * @param open whether labels not listed may be learned
   * @param kind of its labels; of a dense task, of its pixels'
   * @param dense whether the head is a new one that gives every pixel a label
   * @param maskValues the grey value of each class of a dense task; empty to spread them evenly
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
   * Where the label of a task is in a record.
   *
   * @param pointer null where it is not
   */
  record LabelField(@Nullable String pointer, Kind kind) {}

  /** How a record becomes the network's inputs. */
  sealed interface Input {
    /** The settings that shape the features, as canonical text. */
    String encoding();

    /** By task; shorter where no field of a record is read. */
    List<LabelField> labels();
  }

  /** What makes one vector of hidden states: none where the network does, else all or the first. */
  enum Pooling {
    NONE,
    MEAN,
    FIRST
  }

  /**
   * @param text pointer of the text; null where the whole value is the text
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
   * @param image pointer of the file in base64; null where the whole value is the file
   * @param channels 1 for grey, 3 for RGB, 0 where the network's input tells
   * @param layout 0 where the network's input tells, 1 for channels first, 2 for last
   * @param size height and width, empty where the network's input tells
   * @param resize pixels of the shorter side before the centre is cut out; 0 to stretch
   * @param mean of all channels, of each, or empty for 0; likewise {@code std} for 1
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
      // no %d: its digits are the machine's, and heads of another fingerprint are refused
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

  /** The whole value is the network's input, as it lies in memory. */
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

  /** Reads what it can; every problem goes to {@code problems}, named by its key. */
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
        task.refuseOthers();
      }
    } else {
      Task read = task(root, "task", directory);
      tasks.add(read);
      labels.add(new LabelField(input.pointer("label"), read.kind()));
    }
    if (tasks.stream().map(Task::name).distinct().count() < tasks.size()) {
      root.problem("tasks", "two have the same name");
    }
    Pooling pooling = Pooling.values()[input.choice("pooling", "none", "mean", "first")];
    if (pooling != Pooling.NONE && tasks.stream().anyMatch(Task::original)) {
      input.problem("pooling", "is for encoders without a head: say head: none");
    }
    boolean normalize = input.flag("normalize", false);
    if (normalize && pooling == Pooling.NONE) {
      input.problem("normalize", "is part of pooling: mean or first");
    }
    Manifest read =
        new Manifest(
            root.required("name"),
            root.file("model", directory),
            tasks,
            input(input, labels, directory),
            pooling,
            normalize);
    root.refuseOthers();
    input.refuseOthers();
    return read;
  }

  private static Task task(Section task, String name, Path directory) {
    int head = task.choice("head", "original", "none", "dense");
    boolean original = head == 0;
    boolean dense = head == 2;
    if (!original && !dense && task.has("labels")) {
      task.problem("labels", "has no meaning with head: none; the labels come from the stream");
    }
    Kind kind = kind(task);
    boolean quantity = kind instanceof Kind.Quantity;
    if (quantity) {
      Stream.of("labels", "open", "mask-values")
          .filter(task::has)
          .forEach(key -> task.problem(key, "has no meaning with kind: regression"));
    }
    boolean open = task.flag("open", true);
    if (!original && !dense && !open) {
      task.problem("open", "a cold start (head: none) knows no labels yet, so it must be open");
    }
    if (dense && !task.has("cut")) {
      task.problem("cut", "is missing: the name of the feature map that head: dense stands on");
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
      task.problem("scale", "is of a number: say kind: regression");
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
        task.problem("mask-values", "must be different whole numbers from 0 to 255");
        return new int[0];
      }
    }
    return values;
  }

  /**
   * @param head 0 for the network's own, 1 for one on vectors, 2 for a dense one
   */
  private static NewHead newHead(Section task, int head, Kind kind) {
    if (head == 0 && task.has("hidden")) {
      task.problem("hidden", "is of a new head: say head: none, or head: dense");
    }
    if (task.has("subclasses") && !(head == 1 && kind instanceof Kind.OneLabel)) {
      task.problem("subclasses", "are of a new head that tells one label: say head: none");
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
          "line " + e.getLocation().getLineNr() + " is not YAML: " + e.getOriginalMessage());
    } catch (IOException e) {
      problems.add("the manifest cannot be read: " + e);
    }
    return YAML.createObjectNode();
  }

  private static Input input(Section input, List<LabelField> labels, Path directory) {
    int format = input.choice("format", "json", "text", "image", "tensor");
    String id = input.pointer("id");
    if (format > 0) {
      Stream.of("id", "label", "text", "numbers", "image")
          .filter(input::has)
          .forEach(
              key -> input.problem(key, "there are no fields in format: text, image or tensor"));
      if (!input.has("label") && labels.stream().anyMatch(label -> label.pointer() != null)) {
        input.problem("format", "text, image and tensor have no fields: take label from the tasks");
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
      input.problem(kinds.get(1), "is another kind of input than " + kinds.get(0));
    }
    if (format == 0 && kinds.isEmpty()) {
      input.problem("text", "is missing: the JSON pointer of the text; or give numbers or image");
    }
    String kind = format == 1 || kinds.isEmpty() ? "text" : kinds.get(0);
    if (kind.equals("numbers")) {
      List<String> numbers = input.pointers(kind);
      distinct(input, id, labels, numbers);
      return new Tabular(id, labels, numbers, !input.list(kind));
    }
    String field = input.pointer(kind);
    distinct(input, id, labels, field == null ? List.of() : List.of(field));
    return kind.equals("image")
        ? image(input, id, labels, field)
        : text(input, directory, id, labels, field);
  }

  private static Image image(
      Section input, @Nullable String id, List<LabelField> labels, @Nullable String image) {
    float[] size = input.numbers("size");
    if (size.length > 0 && (size.length != 2 || !isSide(size[0]) || !isSide(size[1]))) {
      input.problem("size", "must be [height, width] in pixels, 1 to %d each".formatted(LONGEST));
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
        COLOURS[input.choice("colours", "auto", "grey", "rgb")],
        input.choice("layout", "auto", "channels-first", "channels-last"),
        size.length == 0 ? new int[0] : new int[] {(int) size[0], (int) size[1]},
        input.has("resize") ? input.positive("resize", 1) : 0,
        input.numbers("mean"),
        std,
        input.positive("max-pixels", 25_000_000));
  }

  private static boolean isSide(float size) {
    return size >= 1 && size <= LONGEST && size == (int) size;
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

  /** A field cannot be two things, nor hold another that is wanted. */
  private static void distinct(
      Section input, @Nullable String id, List<LabelField> labels, List<String> fields) {
    Set<String> seen = new HashSet<>();
    List<String> all = new ArrayList<>(fields);
    Stream.concat(Stream.of(id), labels.stream().map(LabelField::pointer))
        .filter(p -> p != null)
        .forEach(all::add);
    for (String pointer : all) {
      if (!seen.add(pointer)) {
        input.problem(pointer, "is wanted twice");
      }
    }
    for (String pointer : all) {
      for (int slash = pointer.lastIndexOf('/');
          slash > 0;
          slash = pointer.lastIndexOf('/', slash - 1)) {
        if (seen.contains(pointer.substring(0, slash))) {
          input.problem(pointer, "lies inside " + pointer.substring(0, slash) + ", wanted too");
        }
      }
    }
  }
}

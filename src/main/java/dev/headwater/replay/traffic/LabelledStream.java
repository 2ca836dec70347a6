package dev.headwater.replay.traffic;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Labelled records, of a JSONL file or recorded elsewhere: the value of each without its truth, and
 * the truth apart from it. Truths are held in memory; values are read as they are sent. A line that
 * is no JSON object has no truth of its own and is sent as it stands: it is the pipeline's to
 * refuse. Blank lines are no records.
 */
public final class LabelledStream {
  // as lenient as whatever wrote the file: Python writes NaN, and a line with one must not keep its
  // label for being unreadable here; numbers keep all their digits
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final int MOST_DOMAINS = 1000;

  private final Opening opening;
  private final List<String> withheld;
  private final Map<String, Truth> truths;
  private final List<String> ids = new ArrayList<>();
  private final Map<String, List<@Nullable String>> byTask = new LinkedHashMap<>();
  private final Optional<String> domainField;
  private final Map<String, Task> tasks = new HashMap<>();
  private final Map<String, Integer> refused = new TreeMap<>();
  private final Function<String, LabelAliases> aliases;
  private final List<@Nullable String> domains = new ArrayList<>();

  private LabelledStream(
      Opening opening,
      List<String> withheld,
      Map<String, Truth> truths,
      Optional<String> domainField,
      List<Task> tasks,
      Function<String, LabelAliases> aliases) {
    tasks.forEach(task -> this.tasks.put(task.name(), task));
    this.aliases = aliases;
    Set<String> hidden = new LinkedHashSet<>(withheld);
    truths.values().forEach(truth -> hidden.add(truth.field()));
    this.opening = opening;
    this.withheld = List.copyOf(hidden);
    this.truths = truths;
    this.domainField = domainField;
    truths.keySet().forEach(task -> byTask.put(task, new ArrayList<>()));
  }

  /**
   * Reads the file once, for its ids and truths.
   *
   * @param withheld fields that are never sent, beside those of the truths
   * @param truths by task, where a record's label is
   * @throws IOException also where the file holds no record
   */
  public static LabelledStream open(Path file, List<String> withheld, Map<String, Truth> truths)
      throws IOException {
    return open(file, withheld, truths, List.of(), Optional.empty(), () -> {});
  }

  /**
   * As {@link #open(Path, List, Map)}, of these tasks, and for its {@link #domains}.
   *
   * @param tasks whose truths these are: what one could not take as a label is none
   * @param domainField tells domains; sent as it is
   * @param each done before each line
   */
  public static LabelledStream open(
      Path file,
      List<String> withheld,
      Map<String, Truth> truths,
      List<Task> tasks,
      Optional<String> domainField,
      Runnable each)
      throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new IOException(file + " is no regular file, and a stream is read more than once");
    }
    LabelledStream stream =
        new LabelledStream(
            () -> new Lines(file), withheld, truths, domainField, tasks, LabelAliases::none);
    try (Lines lines = new Lines(file)) {
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        each.run();
        ObjectNode object = object(line);
        String id = object == null ? null : scalar(object.get("id"));
        stream.index(object, id == null ? String.valueOf(lines.line()) : id, task -> null);
      }
    }
    if (stream.size() == 0) {
      throw new IOException(file + " holds no record: it wants one JSON object a line");
    }
    stream.refuseManyDomains();
    return stream;
  }

  /** Records that came from elsewhere than a file of labelled lines. */
  public interface Recorded {
    /** All values in the order they are to be sent, from the start. */
    Values values() throws IOException;

    String recordId(int index);

    /** A label that came apart from the record, under the name it has now; null where none did. */
    @Nullable String label(String task, int index);

    /** By what names the labels of a task go now. */
    LabelAliases aliases(String task);
  }

  /**
   * Reads what was recorded once, for its truths: a label that came apart from its record is one
   * before what the record itself holds, which counts under the name it has now.
   *
   * @param withheld fields that are never sent, beside those of the truths
   * @param truths by task, where a record's label is if it came with it
   * @param tasks whose truths these are: what one could not take as a label is none
   * @param domainField tells {@link #domains}; sent as it is
   * @param each done before each record
   */
  public static LabelledStream of(
      Recorded recorded,
      List<String> withheld,
      Map<String, Truth> truths,
      List<Task> tasks,
      Optional<String> domainField,
      Runnable each)
      throws IOException {
    LabelledStream stream =
        new LabelledStream(
            recorded::values, withheld, truths, domainField, tasks, recorded::aliases);
    try (Values values = recorded.values()) {
      for (byte[] value = values.next(); value != null; value = values.next()) {
        each.run();
        int i = stream.size();
        stream.index(object(value), recorded.recordId(i), task -> recorded.label(task, i));
      }
    }
    stream.refuseManyDomains();
    return stream;
  }

  public int size() {
    return ids.size();
  }

  /** Of a file the line's {@code id}, or its number where it has none. */
  public String recordId(int index) {
    return ids.get(index);
  }

  /** The true label of a record; null where the file does not tell. */
  public @Nullable String truth(String task, int index) {
    List<@Nullable String> known = byTask.get(task);
    return known == null ? null : known.get(index);
  }

  /** {@link #truth} of every record, by task. */
  public Map<String, List<@Nullable String>> truths() {
    return Collections.unmodifiableMap(byTask);
  }

  /** By what names a task's labels go now; those of a file by their own. */
  public LabelAliases aliases(String task) {
    return aliases.apply(task);
  }

  /** What a label is called now, null where it was retired; what is no label of the task stays. */
  public @Nullable String now(String task, String label) {
    Task known = tasks.get(task);
    Kind kind = known == null ? new Kind.OneLabel() : known.kind();
    return kind.problem(label) == null ? kind.now(aliases(task), label).orElse(null) : label;
  }

  /** How many records have a truth that is no label of the task, by task; such are not known. */
  public Map<String, Integer> refused() {
    return Collections.unmodifiableMap(refused);
  }

  /** What each record is one of, null where it does not tell; empty where nothing was to tell. */
  public List<@Nullable String> domains() {
    return Collections.unmodifiableList(domains);
  }

  /** The values of all records, in order, from the start. */
  public Values values() throws IOException {
    Values all = opening.open();
    return new Values() {
      @Override
      public byte @Nullable [] next() throws IOException {
        byte[] value = all.next();
        return value == null ? null : withoutTruth(value);
      }

      @Override
      public int line() {
        return all.line();
      }

      @Override
      public void close() throws IOException {
        all.close();
      }
    };
  }

  private void index(
      @Nullable ObjectNode object, String id, Function<String, @Nullable String> known) {
    ids.add(id);
    domainField.ifPresent(field -> domains.add(object == null ? null : scalar(object.get(field))));
    byTask.forEach(
        (task, values) -> {
          String apart = known.apply(task);
          values.add(apart != null || object == null ? apart : own(object, task));
        });
  }

  private @Nullable String own(ObjectNode object, String task) {
    Truth truth = Objects.requireNonNull(truths.get(task));
    String value = Label.truth(object.get(truth.field()));
    String label = value == null ? null : truth.label(value);
    if (label == null || label.isBlank()) {
      return null;
    }
    Task known = tasks.get(task);
    try {
      if (known != null) {
        known.checkLabel(label, truth.field(), null);
      }
      return now(task, label);
    } catch (InvalidRecordException e) {
      refused.merge(task, 1, Integer::sum);
      return null;
    }
  }

  /** Each is counted apart: a field that tells records apart would take all memory there is. */
  private void refuseManyDomains() {
    if (domains.stream().filter(Objects::nonNull).distinct().count() > MOST_DOMAINS) {
      throw new IllegalArgumentException(
          "replay.domain-field %s has more than %d values: name a field with fewer"
              .formatted(domainField.orElse(""), MOST_DOMAINS));
    }
  }

  private byte[] withoutTruth(byte[] value) throws JsonProcessingException {
    ObjectNode object = object(value);
    return object == null || withheld.stream().noneMatch(object::has)
        ? value
        : JSON.writeValueAsBytes(object.remove(withheld));
  }

  private static @Nullable ObjectNode object(byte[] line) {
    try {
      return JSON.readTree(line) instanceof ObjectNode object ? object : null;
    } catch (IOException notJson) {
      return null; // the pipeline's to refuse: that is what dead letters are for
    }
  }

  private static @Nullable String scalar(@Nullable JsonNode node) {
    return node == null || node.isNull() || node.isContainerNode() ? null : node.asText();
  }

  private interface Opening {
    Values open() throws IOException;
  }

  /** A cursor over values. */
  public interface Values extends AutoCloseable {
    /** The next record's value; null at the end. */
    byte @Nullable [] next() throws IOException;

    /** Of the value last read, from 1: of a file its line, blank ones counted, else its number. */
    int line();

    @Override
    void close() throws IOException;
  }

  /** Lines as bytes, for a line that is no UTF-8 must arrive as it is. */
  private static final class Lines implements Values {
    private final InputStream in;
    private int number;

    Lines(Path file) throws IOException {
      this.in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    }

    @Override
    public int line() {
      return number;
    }

    @Override
    public byte @Nullable [] next() throws IOException {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      boolean blank = true;
      for (int b = in.read(); b >= 0; b = in.read()) {
        if (b != '\n') {
          line.write(b);
          blank &= b <= ' ';
          continue;
        }
        number++;
        if (!blank) {
          return line.toByteArray();
        }
        line.reset();
      }
      number++;
      return blank ? null : line.toByteArray();
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}

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
 * A stream of labelled records from a JSONL file or a recorded topic. It separates the values from
 * their ground truth, which is held in memory; values are read when they are sent. A line that is
 * not a JSON object has no ground truth and is sent unchanged, so that the pipeline dead-letters
 * it. Blank lines are skipped.
 */
public final class LabelledStream {
  // lenient: Python writes NaN, and a line that cannot be parsed here would be sent with its label;
  // numbers keep all their digits
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private static final int MAX_DOMAINS = 1000;

  private final Opening opening;
  private final List<String> withheld;
  private final Map<String, Truth> truths;
  private final List<String> ids = new ArrayList<>();
  private final Map<String, List<@Nullable String>> byTask = new LinkedHashMap<>();
  private final Optional<String> domainField;
  private final Map<String, Task> tasks = new HashMap<>();
  private final Map<String, Integer> invalidTruths = new TreeMap<>();
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
   * Opens a file and reads its ids and ground truth.
   *
   * @param withheld fields to remove before sending, in addition to those of the ground truth
   * @param truths source of the ground truth by task
   * @throws IOException if the file cannot be read or holds no record
   */
  public static LabelledStream open(Path file, List<String> withheld, Map<String, Truth> truths)
      throws IOException {
    return open(file, withheld, truths, List.of(), Optional.empty(), () -> {});
  }

  /**
   * Opens a file and reads its ids, ground truth and {@link #domains}.
   *
   * @param withheld fields to remove before sending, in addition to those of the ground truth
   * @param truths source of the ground truth by task
   * @param tasks tasks that validate the ground truth; invalid values count as unknown
   * @param domainField field with the domain; sent unchanged
   * @param beforeEach called before each line
   */
  public static LabelledStream open(
      Path file,
      List<String> withheld,
      Map<String, Truth> truths,
      List<Task> tasks,
      Optional<String> domainField,
      Runnable beforeEach)
      throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new IOException(
          "%s is not a regular file, which is required because it is read twice".formatted(file));
    }
    LabelledStream stream =
        new LabelledStream(
            () -> new Lines(file), withheld, truths, domainField, tasks, LabelAliases::none);
    try (Lines lines = new Lines(file)) {
      for (byte[] line = lines.next(); line != null; line = lines.next()) {
        beforeEach.run();
        ObjectNode object = object(line);
        String id = object == null ? null : scalar(object.get("id"));
        stream.index(object, id == null ? String.valueOf(lines.line()) : id, task -> null);
      }
    }
    if (stream.size() == 0) {
      throw new IOException("no records in %s: expected one JSON object per line".formatted(file));
    }
    stream.checkDomainCount();
    return stream;
  }

  /** A source of recorded records, such as a topic. */
  public interface Recorded {
    /** Returns a cursor over all values in sending order. */
    Values values() throws IOException;

    String recordId(int index);

    /** Returns the separately recorded label, with its current name; null if there is none. */
    @Nullable String label(String task, int index);

    /** Returns the label aliases of a task. */
    LabelAliases aliases(String task);
  }

  /**
   * Opens a recorded stream and reads its ground truth. A separately recorded label takes
   * precedence over an inline one, which is mapped to its current name.
   *
   * @param withheld fields to remove before sending, in addition to those of the ground truth
   * @param truths source of the inline ground truth by task
   * @param tasks tasks that validate the ground truth; invalid values count as unknown
   * @param domainField field with the domain, see {@link #domains}; sent unchanged
   * @param beforeEach called before each record
   */
  public static LabelledStream of(
      Recorded recorded,
      List<String> withheld,
      Map<String, Truth> truths,
      List<Task> tasks,
      Optional<String> domainField,
      Runnable beforeEach)
      throws IOException {
    LabelledStream stream =
        new LabelledStream(
            recorded::values, withheld, truths, domainField, tasks, recorded::aliases);
    try (Values values = recorded.values()) {
      for (byte[] value = values.next(); value != null; value = values.next()) {
        beforeEach.run();
        int i = stream.size();
        stream.index(object(value), recorded.recordId(i), task -> recorded.label(task, i));
      }
    }
    stream.checkDomainCount();
    return stream;
  }

  public int size() {
    return ids.size();
  }

  /** Returns the record id; for a file the field {@code id}, or else the line number. */
  public String recordId(int index) {
    return ids.get(index);
  }

  /** Returns the true label of a record; null if it is unknown. */
  public @Nullable String truth(String task, int index) {
    List<@Nullable String> known = byTask.get(task);
    return known == null ? null : known.get(index);
  }

  /** Returns the {@link #truth} of every record, by task. */
  public Map<String, List<@Nullable String>> truths() {
    return Collections.unmodifiableMap(byTask);
  }

  /** Returns the label aliases of a task; a file has none. */
  public LabelAliases aliases(String task) {
    return aliases.apply(task);
  }

  /** Returns the current name of a label; null if it was retired. Invalid labels stay unchanged. */
  public @Nullable String now(String task, String label) {
    Task known = tasks.get(task);
    Kind kind = known == null ? new Kind.OneLabel() : known.kind();
    return kind.problem(label) == null ? kind.now(aliases(task), label).orElse(null) : label;
  }

  /** Returns the number of records with an invalid ground truth, by task. */
  public Map<String, Integer> invalidTruths() {
    return Collections.unmodifiableMap(invalidTruths);
  }

  /** Returns the domain of each record, null if unknown; empty without a domain field. */
  public List<@Nullable String> domains() {
    return Collections.unmodifiableList(domains);
  }

  /** Returns a cursor over the values of all records in order, without ground truth. */
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
      @Nullable ObjectNode object, String id, Function<String, @Nullable String> recorded) {
    ids.add(id);
    domainField.ifPresent(field -> domains.add(object == null ? null : scalar(object.get(field))));
    byTask.forEach(
        (task, values) -> {
          String label = recorded.apply(task);
          values.add(label != null || object == null ? label : inlineLabel(object, task));
        });
  }

  private @Nullable String inlineLabel(ObjectNode object, String task) {
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
      invalidTruths.merge(task, 1, Integer::sum);
      return null;
    }
  }

  /** Limits the number of domains: each has its own counters in memory. */
  private void checkDomainCount() {
    if (domains.stream().filter(Objects::nonNull).distinct().count() > MAX_DOMAINS) {
      throw new IllegalArgumentException(
          "replay.domain-field %s has more than %d values; choose a field with fewer values"
              .formatted(domainField.orElse(""), MAX_DOMAINS));
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
      return null; // becomes a dead letter
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
    /** Returns the value of the next record; null at the end. */
    byte @Nullable [] next() throws IOException;

    /** Returns the 1-based line of the last value, blank lines counted, or its number. */
    int line();

    @Override
    void close() throws IOException;
  }

  /** A cursor over lines as bytes, because invalid UTF-8 must be sent unchanged. */
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

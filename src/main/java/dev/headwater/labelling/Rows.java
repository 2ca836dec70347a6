package dev.headwater.labelling;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Medium;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Scored;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** CSV (RFC 4180) with a header: one to fill in by hand, or Label Studio's own export. */
public final class Rows {
  static final String RECORD_ID = "recordId";
  static final String TASK = "task";
  static final String REASON = "reason";
  static final String UPDATED = "updated_at";
  static final String CREATED = "created_at";
  private static final String PREDICTION = "prediction";
  private static final String LABEL = "label";
  private static final String OTHER = "other";

  /** Without it spreadsheets take UTF-8 for something else. */
  private static final char MARK = '\uFEFF';

  private static final Pattern FORMULA = Pattern.compile("[=+\\-@\\t\\r]");
  private static final Pattern NUMBER = Pattern.compile("[-+]?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");
  private static final CsvMapper CSV =
      CsvMapper.builder().enable(CsvParser.Feature.SKIP_EMPTY_LINES).build();

  private final Task task;
  private final Content content;

  public Rows(Task task, Medium medium) {
    this.task = task;
    this.content = new Content(medium);
  }

  /** One row an item; column {@code label} is to be filled in, and {@code prediction} a hint. */
  public void write(List<ReviewItem> items, Path file) throws IOException {
    CsvSchema header =
        CsvSchema.builder()
            .addColumn(RECORD_ID)
            .addColumn(TASK)
            .addColumn(REASON)
            .addColumn(content.key())
            .addColumn(PREDICTION)
            .addColumn(LABEL)
            .setUseHeader(true)
            .build();
    List<Map<String, String>> rows = new ArrayList<>();
    for (ReviewItem item : items) {
      JsonNode shown = content.of(item);
      Scored said = item.prediction();
      Map<String, String> row = new LinkedHashMap<>();
      row.put(RECORD_ID, inert(item.recordId()));
      row.put(TASK, item.task());
      row.put(REASON, item.reason().name());
      row.put(content.key(), inert(shown.isTextual() ? shown.textValue() : shown.toString()));
      row.put(PREDICTION, said == null ? "" : inert(said.label()));
      row.put(LABEL, "");
      rows.add(row);
    }
    try (Writer csv = new OutputStreamWriter(Files.newOutputStream(file), UTF_8)) {
      csv.write(MARK);
      CSV.writer(header).writeValue(csv, rows);
    }
  }

  /** Strangers write records: what a spreadsheet would calculate, it is to show. */
  private static String inert(String cell) {
    return FORMULA.matcher(cell).lookingAt() && !NUMBER.matcher(cell).matches() ? "'" + cell : cell;
  }

  /** Undone where a cell comes back. */
  private static String plain(@Nullable String cell) {
    String text = Objects.requireNonNullElse(cell, "");
    return text.startsWith("'") && !inert(text.substring(1)).equals(text.substring(1))
        ? text.substring(1)
        : text;
  }

  /**
   * The labels of the rows that have one; of several rows of a record the one updated last.
   *
   * @throws IOException if the file has not the columns it takes, or is no CSV
   */
  public List<Label> read(Path file) throws IOException {
    Latest latest = new Latest();
    try (MappingIterator<Map<String, String>> rows =
        CSV.readerForMapOf(String.class)
            .with(CsvSchema.emptySchema().withHeader())
            .readValues(file.toFile())) {
      boolean more = rows.hasNextValue(); // which reads the header
      requireColumns((CsvSchema) rows.getParserSchema(), file);
      for (; more; more = rows.hasNextValue()) {
        Map<String, String> row = rows.nextValue();
        String label = label(row);
        if (label != null && isOf(task, row.getOrDefault(TASK, ""))) {
          latest.add(
              new Label(plain(row.get(RECORD_ID)), task.name(), label),
              row.getOrDefault(UPDATED, ""),
              row.getOrDefault(CREATED, ""));
        }
      }
    }
    return latest.labels();
  }

  /** Where nobody chose a label, but all wrote one in, Label Studio has no column for choices. */
  private static void requireColumns(CsvSchema header, Path file) throws IOException {
    List<String> found = header.getColumnNames();
    if (!found.contains(RECORD_ID) || !(found.contains(LABEL) || found.contains(OTHER))) {
      throw new IOException(
          "%s has the columns %s, but '%s' and '%s' are needed, written so and separated by commas"
              .formatted(file, found, RECORD_ID, LABEL));
    }
  }

  private @Nullable String label(Map<String, String> row) {
    String said = plain(row.get(LABEL)).strip();
    if (task.masks().isPresent()) {
      return said.isEmpty() ? null : said;
    }
    if (task.kind() instanceof Kind.Quantity) {
      return number(parsed(said));
    }
    List<String> chosen = new ArrayList<>(names(parsed(said)));
    chosen.addAll(names(parsed(Objects.requireNonNullElse(row.get(OTHER), "").strip())));
    return label(task, chosen, said.equals("[]"));
  }

  private static JsonNode parsed(String cell) {
    if (cell.startsWith("{") || cell.startsWith("[")) {
      try {
        return Json.MAPPER.readTree(cell);
      } catch (JsonProcessingException e) {
        return TextNode.valueOf(cell); // a label that happens to begin so
      }
    }
    return TextNode.valueOf(cell);
  }

  /** A number, or as Label Studio has it: one under {@code number}, alone in an array. */
  static @Nullable String number(JsonNode said) {
    if (said.isArray() && said.size() == 1) {
      return number(said.get(0));
    }
    if (said.has("number")) {
      return number(said.path("number"));
    }
    if (said.isContainerNode()) {
      return said.isEmpty() ? null : said.toString(); // no number, as whoever checks it will tell
    }
    String number = said.asText("");
    return number.isBlank() ? null : number;
  }

  /**
   * A choice or several, or a text or several, as Label Studio has them: several under {@code
   * choices} or {@code text}, and these in an array where there are several of them. Blanks around
   * what was typed mean nothing.
   */
  static List<String> names(JsonNode said) {
    if (said.isObject()) {
      return names(said.path(said.has("choices") ? "choices" : "text"));
    }
    List<String> names = new ArrayList<>();
    if (said.isArray()) {
      said.forEach(each -> names.addAll(names(each)));
    } else if (said.isValueNode() && !said.isNull() && !said.asText().isBlank()) {
      names.add(said.asText().strip());
    }
    return names;
  }

  /**
   * The label that these make; of a task that tells one label the last, which is the one written in
   * by hand where there is such.
   *
   * @param none whether nothing chosen is an answer too, where several may be
   */
  static @Nullable String label(Task task, List<String> chosen, boolean none) {
    if (task.kind() instanceof Kind.LabelSet) {
      return chosen.isEmpty() && !none ? null : Label.text(chosen);
    }
    return chosen.isEmpty() ? null : chosen.get(chosen.size() - 1);
  }

  /** A row that names no task is of the task asked for. */
  static boolean isOf(Task task, String named) {
    return named.isEmpty() || named.equals(task.name());
  }
}

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

/** Writes label requests as CSV (RFC 4180); reads labels from it or Label Studio's CSV export. */
public final class Rows {
  static final String RECORD_ID = "recordId";
  static final String TASK = "task";
  static final String REASON = "reason";
  static final String UPDATED = "updated_at";
  static final String CREATED = "created_at";
  private static final String PREDICTION = "prediction";
  private static final String LABEL = "label";
  private static final String OTHER = "other";

  /** Without it, spreadsheets do not recognise UTF-8. */
  private static final char BYTE_ORDER_MARK = '\uFEFF';

  private static final Pattern FORMULA = Pattern.compile("[=+\\-@\\t\\r]");
  private static final Pattern NUMBER = Pattern.compile("[-+]?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");
  private static final CsvMapper CSV =
      CsvMapper.builder().enable(CsvParser.Feature.SKIP_EMPTY_LINES).build();

  private final Task task;
  private final Content content;

  public Rows(Task task, Medium displayField) {
    this.task = task;
    this.content = new Content(displayField);
  }

  /** Writes one row per item, with an empty {@code label} column and the prediction as a hint. */
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
      Scored prediction = item.prediction();
      Map<String, String> row = new LinkedHashMap<>();
      row.put(RECORD_ID, escapeFormula(item.recordId()));
      row.put(TASK, item.task());
      row.put(REASON, item.reason().name());
      row.put(
          content.key(), escapeFormula(shown.isTextual() ? shown.textValue() : shown.toString()));
      row.put(PREDICTION, prediction == null ? "" : escapeFormula(prediction.label()));
      row.put(LABEL, "");
      rows.add(row);
    }
    try (Writer csv = new OutputStreamWriter(Files.newOutputStream(file), UTF_8)) {
      csv.write(BYTE_ORDER_MARK);
      CSV.writer(header).writeValue(csv, rows);
    }
  }

  /** Escapes formulas, because the content of records is untrusted (CSV injection). */
  private static String escapeFormula(String cell) {
    return FORMULA.matcher(cell).lookingAt() && !NUMBER.matcher(cell).matches() ? "'" + cell : cell;
  }

  /** Reverts {@link #escapeFormula}. */
  private static String unescapeFormula(@Nullable String cell) {
    String text = Objects.requireNonNullElse(cell, "");
    return text.startsWith("'") && !escapeFormula(text.substring(1)).equals(text.substring(1))
        ? text.substring(1)
        : text;
  }

  /**
   * Reads the labels of all rows that have one; of several rows per record, the one updated last.
   *
   * @throws IOException if the file is not CSV or lacks a required column
   */
  public List<Label> read(Path file) throws IOException {
    Latest latest = new Latest();
    try (MappingIterator<Map<String, String>> rows =
        CSV.readerForMapOf(String.class)
            .with(CsvSchema.emptySchema().withHeader())
            .readValues(file.toFile())) {
      boolean hasRow = rows.hasNextValue(); // reads the header
      requireColumns((CsvSchema) rows.getParserSchema(), file);
      for (; hasRow; hasRow = rows.hasNextValue()) {
        Map<String, String> row = rows.nextValue();
        String label = label(row);
        if (label != null && isOf(task, row.getOrDefault(TASK, ""))) {
          latest.add(
              new Label(unescapeFormula(row.get(RECORD_ID)), task.name(), label),
              row.getOrDefault(UPDATED, ""),
              row.getOrDefault(CREATED, ""));
        }
      }
    }
    return latest.labels();
  }

  /** Label Studio omits the choices column if annotators only typed new labels. */
  private static void requireColumns(CsvSchema header, Path file) throws IOException {
    List<String> found = header.getColumnNames();
    if (!found.contains(RECORD_ID) || !(found.contains(LABEL) || found.contains(OTHER))) {
      throw new IOException(
          "%s has columns %s, but '%s' and '%s' are required: use these exact names, separated by commas"
              .formatted(file, found, RECORD_ID, LABEL));
    }
  }

  private @Nullable String label(Map<String, String> row) {
    String value = unescapeFormula(row.get(LABEL)).strip();
    if (task.masks().isPresent()) {
      return value.isEmpty() ? null : value;
    }
    if (task.kind() instanceof Kind.Quantity) {
      return number(parse(value));
    }
    List<String> chosen = new ArrayList<>(names(parse(value)));
    chosen.addAll(names(parse(Objects.requireNonNullElse(row.get(OTHER), "").strip())));
    return label(task, chosen, value.equals("[]"));
  }

  private static JsonNode parse(String cell) {
    if (cell.startsWith("{") || cell.startsWith("[")) {
      try {
        return Json.MAPPER.readTree(cell);
      } catch (JsonProcessingException e) {
        return TextNode.valueOf(cell); // a label that starts with a bracket
      }
    }
    return TextNode.valueOf(cell);
  }

  /** Reads a number, or Label Studio's form: an array of one object with {@code number}. */
  static @Nullable String number(JsonNode value) {
    if (value.isArray() && value.size() == 1) {
      return number(value.get(0));
    }
    if (value.has("number")) {
      return number(value.path("number"));
    }
    if (value.isContainerNode()) {
      // not a number: it is rejected when the label is checked
      return value.isEmpty() ? null : value.toString();
    }
    String number = value.asText("");
    return number.isBlank() ? null : number;
  }

  /**
   * Reads choices or texts in Label Studio's forms: one value, an array, or an object with {@code
   * choices} or {@code text}. Surrounding whitespace is removed.
   */
  static List<String> names(JsonNode value) {
    if (value.isObject()) {
      return names(value.path(value.has("choices") ? "choices" : "text"));
    }
    List<String> names = new ArrayList<>();
    if (value.isArray()) {
      value.forEach(each -> names.addAll(names(each)));
    } else if (value.isValueNode() && !value.isNull() && !value.asText().isBlank()) {
      names.add(value.asText().strip());
    }
    return names;
  }

  /**
   * Returns the label for the chosen names. A single-label task uses the last one, which is the
   * typed label if there is one.
   *
   * @param allowEmpty whether an empty choice is a valid label of a multi-label task
   */
  static @Nullable String label(Task task, List<String> chosen, boolean allowEmpty) {
    if (task.kind() instanceof Kind.LabelSet) {
      return chosen.isEmpty() && !allowEmpty ? null : Label.text(chosen);
    }
    return chosen.isEmpty() ? null : chosen.get(chosen.size() - 1);
  }

  /** Returns whether a row belongs to the task; a row without a task does. */
  static boolean isOf(Task task, String named) {
    return named.isEmpty() || named.equals(task.name());
  }
}

package dev.headwater.labelling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Masks;
import dev.headwater.bundle.Medium;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Scored;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;

/**
 * Writes Label Studio tasks and labelling configurations, and reads its JSON and JSON-MIN exports.
 * Labels are choices, numbers are number fields, and masks are brush strokes; unpainted pixels have
 * the first label.
 */
public final class LabelStudio {
  private static final String LABEL = "label";
  private static final String OTHER = "other";
  private static final String SHOWN = "record";
  private static final String BRUSH = "brushlabels";

  private final Task task;
  private final Content content;

  public LabelStudio(Task task, Medium displayField) {
    this.task = task;
    this.content = new Content(displayField);
  }

  /**
   * Writes tasks for import into a project, with the prediction of each item that has one.
   *
   * @throws IllegalArgumentException if the task is dense and an item's image does not have the
   *     size of its mask
   */
  public void write(List<ReviewItem> items, Path file) throws IOException {
    ArrayNode tasks = Json.MAPPER.createArrayNode();
    for (ReviewItem item : items) {
      ObjectNode exported = tasks.addObject();
      exported
          .putObject("data")
          .put(Rows.RECORD_ID, item.recordId())
          .put(Rows.TASK, item.task())
          .put(Rows.REASON, item.reason().name())
          .set(content.key(), content.of(item));
      Scored scored = item.prediction();
      if (task.masks().isPresent()) {
        addMaskPrediction(exported, item, task.masks().get());
      } else if (scored != null && task.kind().problem(scored.label()) == null) {
        // otherwise the task's kind has changed since the prediction, so it is left out
        addPrediction(exported.putArray("predictions").addObject(), scored);
      }
    }
    Json.MAPPER.writerWithDefaultPrettyPrinter().writeValue(file.toFile(), tasks);
  }

  private void addPrediction(ObjectNode prediction, Scored scored) {
    prediction.put("model_version", "headwater").put("score", scored.confidence());
    ObjectNode result =
        prediction
            .putArray("result")
            .addObject()
            .put("from_name", LABEL)
            .put("to_name", SHOWN)
            .put("type", isNumber() ? "number" : "choices");
    if (isNumber()) {
      result.putObject("value").put("number", Double.parseDouble(scored.label()));
    } else {
      ArrayNode choices = result.putObject("value").putArray("choices");
      task.kind().names(scored.label()).forEach(choices::add);
    }
  }

  private void addMaskPrediction(ObjectNode exported, ReviewItem item, Masks masks) {
    content.requireSize(item, masks.width(), masks.height());
    String mask = item.mask();
    if (mask == null) {
      return;
    }
    byte[] pixels;
    try {
      pixels = masks.decode(mask, "mask", item.recordId());
    } catch (InvalidRecordException e) {
      return; // the mask's size or values have changed since, so the prediction is left out
    }
    ObjectNode prediction = exported.putArray("predictions").addObject();
    ArrayNode results = prediction.put("model_version", "headwater").putArray("result");
    for (int label = 1; label < task.labels().size(); label++) {
      boolean[] painted = new boolean[pixels.length];
      boolean any = false;
      for (int i = 0; i < pixels.length; i++) {
        painted[i] = pixels[i] == label;
        any |= painted[i];
      }
      if (any) {
        addStroke(
            results.addObject(), masks, task.labels().get(label), BrushStroke.encode(painted));
      }
    }
  }

  private static void addStroke(ObjectNode result, Masks masks, String label, byte[] rle) {
    ObjectNode value =
        result
            .put("id", label)
            .put("from_name", LABEL)
            .put("to_name", SHOWN)
            .put("type", BRUSH)
            .put("original_width", masks.width())
            .put("original_height", masks.height())
            .put("image_rotation", 0)
            .putObject("value")
            .put("format", "rle");
    ArrayNode bytes = value.putArray("rle");
    for (byte each : rle) {
      bytes.add(Byte.toUnsignedInt(each));
    }
    value.putArray(BRUSH).add(label);
  }

  /**
   * Returns the project's labelling interface as XML, with a text field if the task accepts new
   * labels.
   *
   * @param labels the labels to choose from; for masks, the first is that of unpainted pixels
   */
  public String config(List<String> labels) {
    StringBuilder xml = new StringBuilder("<View>\n");
    xml.append("  <%s name=\"%s\" value=\"$%s\"/>%n".formatted(tag(), SHOWN, content.key()));
    if (isNumber()) {
      xml.append("  <Number name=\"%s\" toName=\"%s\"/>%n".formatted(LABEL, SHOWN));
    } else if (task.masks().isPresent()) {
      xml.append("  <BrushLabels name=\"%s\" toName=\"%s\">%n".formatted(LABEL, SHOWN));
      labels.stream()
          .skip(1)
          .forEach(label -> xml.append("    <Label value=\"%s\"/>%n".formatted(escape(label))));
      xml.append("  </BrushLabels>\n");
    } else {
      boolean several = task.kind() instanceof Kind.LabelSet;
      xml.append(
          "  <Choices name=\"%s\" toName=\"%s\" choice=\"%s\">%n"
              .formatted(LABEL, SHOWN, several ? "multiple" : "single"));
      labels.forEach(label -> xml.append("    <Choice value=\"%s\"/>%n".formatted(escape(label))));
      xml.append("  </Choices>\n");
      if (task.open()) {
        xml.append(
            "  <TextArea name=\"%s\" toName=\"%s\" placeholder=\"A new label\"/>%n"
                .formatted(OTHER, SHOWN));
      }
    }
    return xml.append("</View>\n").toString();
  }

  private String tag() {
    return switch (content.medium().kind()) {
      case TEXT -> "Text";
      case PICTURE -> "Image";
      case NUMBERS, TENSOR -> "Table";
    };
  }

  private static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }

  private boolean isNumber() {
    return task.kind() instanceof Kind.Quantity;
  }

  /**
   * Reads the labels of either export; masks need JSON. Of several annotations of a record, the one
   * updated last counts. Skipped and empty annotations are left out, except that an empty
   * annotation of a mask is an empty mask.
   *
   * @throws IOException if the file is neither export, or a mask has a region that is not a brush
   *     stroke
   */
  public List<Label> read(Path file) throws IOException {
    JsonNode exported = Json.MAPPER.readTree(file.toFile());
    if (!exported.isArray()) {
      throw new IOException(file + " is not a JSON array of tasks: export as JSON or JSON-MIN");
    }
    Latest latest = new Latest();
    for (JsonNode each : exported) {
      JsonNode data = each.has("data") ? each.path("data") : each;
      if (!Rows.isOf(task, data.path(Rows.TASK).asText())) {
        continue; // a label of another task
      }
      String recordId = data.path(Rows.RECORD_ID).asText();
      if (each.has("annotations")) {
        readAnnotations(each, recordId, latest);
      } else {
        add(latest, recordId, minimalLabel(each), each);
      }
    }
    return latest.labels();
  }

  private void add(Latest latest, String recordId, @Nullable String label, JsonNode annotation) {
    if (label != null) {
      latest.add(
          new Label(recordId, task.name(), label),
          annotation.path(Rows.UPDATED).asText(""),
          annotation.path(Rows.CREATED).asText(""));
    }
  }

  private void readAnnotations(JsonNode exported, String recordId, Latest latest)
      throws IOException {
    List<JsonNode> latestFirst =
        StreamSupport.stream(exported.path("annotations").spliterator(), false)
            .filter(annotation -> !annotation.path("was_cancelled").asBoolean())
            .sorted(
                Comparator.comparing((JsonNode each) -> each.path(Rows.UPDATED).asText(""))
                    .reversed())
            .toList();
    for (JsonNode annotation : latestFirst) {
      JsonNode results = annotation.path("result");
      String label =
          task.masks().isPresent() ? mask(results, task.masks().get(), recordId) : label(results);
      if (label != null) {
        add(latest, recordId, label, annotation);
        return;
      }
    }
  }

  /** Merges the strokes of a mask; later strokes cover earlier ones. */
  private String mask(JsonNode results, Masks masks, String recordId) throws IOException {
    byte[] pixels = new byte[masks.height() * masks.width()];
    for (JsonNode result : results) {
      try {
        byte label = (byte) labelIndex(result, masks);
        boolean[] stroke = BrushStroke.decode(rle(result.at("/value/rle")), pixels.length);
        for (int i = 0; i < pixels.length; i++) {
          pixels[i] = stroke[i] ? label : pixels[i];
        }
      } catch (IOException e) {
        throw new IOException(
            "region '%s' of record '%s' %s"
                .formatted(result.path("id").asText(), recordId, e.getMessage()),
            e);
      }
    }
    return masks.encode(pixels);
  }

  private int labelIndex(JsonNode result, Masks masks) throws IOException {
    if (!result.at("/value/format").asText().equals("rle")) {
      throw new IOException("is not a brush stroke");
    }
    if (result.path("original_width").asInt() != masks.width()
        || result.path("original_height").asInt() != masks.height()
        || result.path("image_rotation").asInt() != 0) {
      throw new IOException(
          "is painted on an image of %s x %s pixels rotated by %s degrees, expected %d x %d without rotation"
              .formatted(
                  result.path("original_width"),
                  result.path("original_height"),
                  result.path("image_rotation").asInt(),
                  masks.width(),
                  masks.height()));
    }
    String name = result.at("/value/" + BRUSH + "/0").asText();
    int label = task.labels().indexOf(name);
    if (label < 0) {
      throw new IOException(
          "has the label '%s', expected one of %s".formatted(name, task.labels()));
    }
    return label;
  }

  private static byte[] rle(JsonNode values) {
    byte[] bytes = new byte[values.size()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) values.get(i).asInt();
    }
    return bytes;
  }

  private @Nullable String label(JsonNode results) {
    List<String> chosen = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (JsonNode result : results) {
      JsonNode value = result.path("value");
      if (value.has("number")) {
        return value.path("number").asText();
      }
      chosen.addAll(Rows.names(value.path("choices")));
      if (result.path("from_name").asText().equals(OTHER)) {
        others.addAll(Rows.names(value.path("text")));
      }
    }
    chosen.addAll(others);
    return Rows.label(task, chosen, true);
  }

  private @Nullable String minimalLabel(JsonNode row) throws IOException {
    if (task.masks().isPresent()) {
      throw new IOException("masks are read from Label Studio's JSON export, not from JSON-MIN");
    }
    if (isNumber()) {
      return Rows.number(row.path(LABEL));
    }
    List<String> chosen = new ArrayList<>();
    for (String field : List.of(LABEL, OTHER)) {
      chosen.addAll(Rows.names(row.path(field)));
    }
    return Rows.label(task, chosen, false);
  }
}

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
 * Label Studio's tasks, its labelling configuration, and its JSON and JSON-MIN exports. Choices for
 * labels, a number for a number, brush strokes for masks: what none of them paints is the first
 * label.
 */
public final class LabelStudio {
  private static final String LABEL = "label";
  private static final String OTHER = "other";
  private static final String SHOWN = "record";
  private static final String BRUSH = "brushlabels";

  private final Task task;
  private final Content content;

  public LabelStudio(Task task, Medium medium) {
    this.task = task;
    this.content = new Content(medium);
  }

  /**
   * What is to be imported into a project: a prediction is shown where the item has one.
   *
   * @throws IllegalArgumentException where what is to be painted on is no picture of its mask's
   *     size
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
      Scored said = item.prediction();
      if (task.masks().isPresent()) {
        paint(exported, item, task.masks().get());
      } else if (said != null && task.kind().problem(said.label()) == null) {
        // else the task has told something else since: it is labelled without a hint
        predict(exported.putArray("predictions").addObject(), said);
      }
    }
    Json.MAPPER.writerWithDefaultPrettyPrinter().writeValue(file.toFile(), tasks);
  }

  private void predict(ObjectNode prediction, Scored said) {
    prediction.put("model_version", "headwater").put("score", said.confidence());
    ObjectNode result =
        prediction
            .putArray("result")
            .addObject()
            .put("from_name", LABEL)
            .put("to_name", SHOWN)
            .put("type", number() ? "number" : "choices");
    if (number()) {
      result.putObject("value").put("number", Double.parseDouble(said.label()));
    } else {
      ArrayNode choices = result.putObject("value").putArray("choices");
      task.kind().names(said.label()).forEach(choices::add);
    }
  }

  private void paint(ObjectNode exported, ReviewItem item, Masks masks) {
    content.requireSize(item, masks.width(), masks.height());
    String mask = item.mask();
    if (mask == null) {
      return;
    }
    byte[] pixels;
    try {
      pixels = masks.decode(mask, "mask", item.recordId());
    } catch (InvalidRecordException e) {
      return; // masks have been declared otherwise since: it is painted anew
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
        stroke(results.addObject(), masks, task.labels().get(label), BrushStroke.encode(painted));
      }
    }
  }

  private static void stroke(ObjectNode result, Masks masks, String label, byte[] rle) {
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
   * The project's labelling interface.
   *
   * @param labels that may be chosen; where others may come, there is a field to name one; of masks
   *     the first is what is not painted
   */
  public String config(List<String> labels) {
    StringBuilder xml = new StringBuilder("<View>\n");
    xml.append("  <%s name=\"%s\" value=\"$%s\"/>%n".formatted(tag(), SHOWN, content.key()));
    if (number()) {
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
            "  <TextArea name=\"%s\" toName=\"%s\" placeholder=\"A label that is not among these\"/>%n"
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

  private boolean number() {
    return task.kind() instanceof Kind.Quantity;
  }

  /**
   * What annotators said, from either export, of masks from JSON; of several annotations of a
   * record the one updated last. Skipped and empty ones are left out, but that an empty one says of
   * a mask that nothing is there.
   *
   * @throws IOException if the file is neither export, or a mask holds what is no brush stroke
   */
  public List<Label> read(Path file) throws IOException {
    JsonNode exported = Json.MAPPER.readTree(file.toFile());
    if (!exported.isArray()) {
      throw new IOException(file + " is no JSON array of tasks: export as JSON or JSON-MIN");
    }
    Latest latest = new Latest();
    for (JsonNode each : exported) {
      JsonNode data = each.has("data") ? each.path("data") : each;
      if (!Rows.isOf(task, data.path(Rows.TASK).asText())) {
        continue; // another task's, whose answers are of another kind
      }
      String recordId = data.path(Rows.RECORD_ID).asText();
      if (each.has("annotations")) {
        annotated(each, recordId, latest);
      } else {
        add(latest, recordId, minimal(each), each);
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

  private void annotated(JsonNode exported, String recordId, Latest latest) throws IOException {
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

  /** Where strokes cross, the later one covers the earlier. */
  private String mask(JsonNode results, Masks masks, String recordId) throws IOException {
    byte[] pixels = new byte[masks.height() * masks.width()];
    for (JsonNode result : results) {
      try {
        byte label = (byte) painted(result, masks);
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

  private int painted(JsonNode result, Masks masks) throws IOException {
    if (!result.at("/value/format").asText().equals("rle")) {
      throw new IOException("is no brush stroke");
    }
    if (result.path("original_width").asInt() != masks.width()
        || result.path("original_height").asInt() != masks.height()
        || result.path("image_rotation").asInt() != 0) {
      throw new IOException(
          "is painted on a picture of %s x %s pixels, turned by %s degrees; masks are %d x %d, upright"
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
      throw new IOException("paints '%s', which is none of %s".formatted(name, task.labels()));
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

  private @Nullable String minimal(JsonNode row) throws IOException {
    if (task.masks().isPresent()) {
      throw new IOException("masks are read from Label Studio's JSON export, not from JSON-MIN");
    }
    if (number()) {
      return Rows.number(row.path(LABEL));
    }
    List<String> chosen = new ArrayList<>();
    for (String field : List.of(LABEL, OTHER)) {
      chosen.addAll(Rows.names(row.path(field)));
    }
    return Rows.label(task, chosen, false);
  }
}

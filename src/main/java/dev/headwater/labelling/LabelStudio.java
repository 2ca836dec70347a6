package dev.headwater.labelling;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.bundle.Kind;
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
 * labels, a number for a number; its brush strokes are not masks that could be read back.
 */
public final class LabelStudio {
  private static final String LABEL = "label";
  private static final String OTHER = "other";
  private static final String SHOWN = "record";

  private final Task task;
  private final Content content;

  /**
   * @throws IllegalArgumentException if the task tells masks
   */
  public LabelStudio(Task task, Medium medium) {
    if (task.masks().isPresent()) {
      throw new IllegalArgumentException(
          "%s tells masks: brush strokes cannot be read back. Write masks, PNGs in base64, to labels, or fill in the CSV"
              .formatted(task.name()));
    }
    this.task = task;
    this.content = new Content(medium);
  }

  /** What is to be imported into a project: a prediction is shown where the item has one. */
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
      if (said != null) {
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

  /**
   * The project's labelling interface.
   *
   * @param labels that may be chosen; where others may come, there is a field to name one
   */
  public String config(List<String> labels) {
    StringBuilder xml = new StringBuilder("<View>\n");
    xml.append("  <%s name=\"%s\" value=\"$%s\"/>%n".formatted(tag(), SHOWN, content.key()));
    if (number()) {
      xml.append("  <Number name=\"%s\" toName=\"%s\"/>%n".formatted(LABEL, SHOWN));
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
      case NUMBERS -> "Table";
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
   * What annotators said, from either export; of several annotations of a record the one updated
   * last. Skipped and empty ones are left out.
   *
   * @throws IOException if the file is neither export
   */
  public List<Label> read(Path file) throws IOException {
    JsonNode exported = Json.MAPPER.readTree(file.toFile());
    if (!exported.isArray()) {
      throw new IOException(file + " is no JSON array of tasks: export as JSON or JSON-MIN");
    }
    List<Label> labels = new ArrayList<>();
    for (JsonNode each : exported) {
      String label = each.has("annotations") ? annotated(each) : minimal(each);
      JsonNode data = each.has("data") ? each.path("data") : each;
      if (label != null && Rows.isOf(task, data.path(Rows.TASK).asText())) {
        labels.add(new Label(data.path(Rows.RECORD_ID).asText(), task.name(), label));
      }
    }
    return labels;
  }

  private @Nullable String annotated(JsonNode exported) {
    return StreamSupport.stream(exported.path("annotations").spliterator(), false)
        .filter(annotation -> !annotation.path("was_cancelled").asBoolean())
        .filter(annotation -> label(annotation.path("result")) != null)
        .max(Comparator.comparing(annotation -> annotation.path("updated_at").asText()))
        .map(annotation -> label(annotation.path("result")))
        .orElse(null);
  }

  private @Nullable String label(JsonNode results) {
    List<String> chosen = new ArrayList<>();
    List<String> others = new ArrayList<>();
    for (JsonNode result : results) {
      JsonNode value = result.path("value");
      if (value.has("number")) {
        return value.path("number").asText();
      }
      value.path("choices").forEach(choice -> chosen.add(choice.asText()));
      if (result.path("from_name").asText().equals(OTHER)) {
        value.path("text").forEach(name -> others.add(name.asText()));
      }
    }
    chosen.addAll(others);
    return Rows.label(task, chosen, true);
  }

  private @Nullable String minimal(JsonNode row) {
    if (number()) {
      JsonNode value = row.path(LABEL);
      return value.isMissingNode() || value.isNull() ? null : value.asText();
    }
    List<String> chosen = new ArrayList<>();
    for (String field : List.of(LABEL, OTHER)) {
      chosen.addAll(Rows.names(row.path(field)));
    }
    return Rows.label(task, chosen, false);
  }
}

package dev.headwater.schema;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.SerializableString;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.ser.std.StdSerializer;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Writes predictions field by field. Most fields of a prediction are absent, and a bean serializer
 * would read each of them by reflection. Numbers are written with the shortest digits that identify
 * their float, because networks output floats.
 */
final class PredictionSerializer extends StdSerializer<Prediction> {
  private static final SerializableString RECORD_ID = new SerializedString("recordId");
  private static final SerializableString SOURCE = new SerializedString("source");
  private static final SerializableString TOPIC = new SerializedString("topic");
  private static final SerializableString PARTITION = new SerializedString("partition");
  private static final SerializableString OFFSET = new SerializedString("offset");
  private static final SerializableString OTHER_TASKS = new SerializedString("otherTasks");
  private static final SerializableString TASK = new SerializedString("task");
  private static final SerializableString LABEL = new SerializedString("label");
  private static final SerializableString CONFIDENCE = new SerializedString("confidence");
  private static final SerializableString TOP = new SerializedString("top");
  private static final SerializableString HEAD_VERSION = new SerializedString("headVersion");
  private static final SerializableString MASK = new SerializedString("mask");
  private static final SerializableString FROZEN_MASK = new SerializedString("frozenMask");
  private static final SerializableString LEAST = new SerializedString("leastConfidence");
  private static final SerializableString VALUE = new SerializedString("value");
  private static final SerializableString LOWER = new SerializedString("lower");
  private static final SerializableString UPPER = new SerializedString("upper");
  private static final SerializableString ESTIMATE = new SerializedString("estimate");
  private static final SerializableString FROZEN_ESTIMATE = new SerializedString("frozenEstimate");

  PredictionSerializer() {
    super(Prediction.class);
  }

  @Override
  public void serialize(Prediction prediction, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    json.writeStartObject();
    text(json, RECORD_ID, prediction.recordId());
    task(prediction.leading(), json, provider);
    source(prediction.source(), json);
    if (prediction.otherTasks() != null) {
      json.writeFieldName(OTHER_TASKS);
      json.writeStartArray();
      for (TaskPrediction other : prediction.otherTasks()) {
        json.writeStartObject();
        task(other, json, provider);
        json.writeEndObject();
      }
      json.writeEndArray();
    }
    json.writeEndObject();
  }

  private static void source(Source source, JsonGenerator json) throws IOException {
    json.writeFieldName(SOURCE);
    json.writeStartObject();
    text(json, TOPIC, source.topic());
    json.writeFieldName(PARTITION);
    json.writeNumber(source.partition());
    json.writeFieldName(OFFSET);
    json.writeNumber(source.offset());
    json.writeEndObject();
  }

  private static void task(
      TaskPrediction prediction, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    text(json, TASK, prediction.task());
    text(json, LABEL, prediction.label());
    number(json, CONFIDENCE, prediction.confidence());
    json.writeFieldName(TOP);
    json.writeStartArray();
    for (Scored scored : prediction.top()) {
      scored(scored, json);
    }
    json.writeEndArray();
    json.writeFieldName(HEAD_VERSION);
    json.writeNumber(prediction.headVersion());
    if (prediction.frozen() != null) {
      json.writeFieldName("frozen");
      scored(prediction.frozen(), json);
    }
    text(json, MASK, prediction.mask());
    rest("shares", prediction.shares(), json, provider);
    if (prediction.leastConfidence() != null) {
      number(json, LEAST, prediction.leastConfidence());
    }
    text(json, FROZEN_MASK, prediction.frozenMask());
    rest("labels", prediction.labels(), json, provider);
    estimate(ESTIMATE, prediction.estimate(), json);
    estimate(FROZEN_ESTIMATE, prediction.frozenEstimate(), json);
  }

  private static void scored(Scored scored, JsonGenerator json) throws IOException {
    json.writeStartObject();
    text(json, LABEL, scored.label());
    number(json, CONFIDENCE, scored.confidence());
    json.writeEndObject();
  }

  private static void estimate(
      SerializableString name, @Nullable Estimate estimate, JsonGenerator json) throws IOException {
    if (estimate != null) {
      json.writeFieldName(name);
      json.writeStartObject();
      number(json, VALUE, estimate.value());
      if (estimate.lower() != null) {
        number(json, LOWER, estimate.lower());
      }
      if (estimate.upper() != null) {
        number(json, UPPER, estimate.upper());
      }
      json.writeEndObject();
    }
  }

  private static void text(JsonGenerator json, SerializableString name, @Nullable String text)
      throws IOException {
    if (text != null) {
      json.writeFieldName(name);
      json.writeString(text);
    }
  }

  /** Writes a double outside the float range, which a head on a log scale may output. */
  private static void number(JsonGenerator json, SerializableString name, double number)
      throws IOException {
    json.writeFieldName(name);
    double size = Math.abs(number);
    if (size == 0 || size >= Float.MIN_NORMAL && size <= Float.MAX_VALUE) {
      json.writeNumber((float) number);
    } else {
      json.writeNumber(number);
    }
  }

  private static void rest(
      String name, @Nullable Object value, JsonGenerator json, SerializerProvider provider)
      throws IOException {
    if (value != null) {
      provider.defaultSerializeField(name, value, json);
    }
  }
}

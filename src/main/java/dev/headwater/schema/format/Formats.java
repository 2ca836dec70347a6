package dev.headwater.schema.format;

import java.util.Objects;
import java.util.Optional;
import org.apache.kafka.common.serialization.Serde;
import org.jspecify.annotations.Nullable;

/** The formats of the user-facing topics: records, labels and predictions. */
public final class Formats {
  /** JSON for all topics. */
  public static final Formats JSON = new Formats(Format.JSON, Format.JSON, Format.JSON, null);

  private final Format records;
  private final Format labels;
  private final Format predictions;
  private final @Nullable SchemaRegistry registry;

  /**
   * Creates formats, and a registry client if any of them is Avro.
   *
   * @param registry null if no format is Avro
   * @throws IllegalArgumentException if a format is Avro and the registry is null
   */
  public Formats(
      Format records, Format labels, Format predictions, @Nullable RegistrySettings registry) {
    this.records = records;
    this.labels = labels;
    this.predictions = predictions;
    boolean avro = records == Format.AVRO || labels == Format.AVRO || predictions == Format.AVRO;
    if (avro && registry == null) {
      throw new IllegalArgumentException("format avro needs a schema registry: set registry.url");
    }
    this.registry = avro && registry != null ? new SchemaRegistry(registry) : null;
  }

  /** Returns the reader of records. */
  public ValueReader records() {
    return reader(records);
  }

  /** Returns the reader of labels. */
  public ValueReader labels() {
    return reader(labels);
  }

  /** Returns the serde of predictions. */
  public <T> Serde<T> predictions(Class<T> type, Serde<T> json) {
    return serde(predictions, type, "prediction.avsc", json);
  }

  /** Returns the serde of labels. */
  public <T> Serde<T> labels(Class<T> type, Serde<T> json) {
    return serde(labels, type, "label.avsc", json);
  }

  /** Returns why the last schema registry request failed; empty if none is needed or it is up. */
  public Optional<String> registryAway() {
    return registry == null ? Optional.empty() : registry.away();
  }

  private ValueReader reader(Format format) {
    return switch (format) {
      case JSON -> ValueReader.JSON;
      case AVRO -> new AvroReader(Objects.requireNonNull(registry));
    };
  }

  private <T> Serde<T> serde(Format format, Class<T> type, String file, Serde<T> json) {
    return switch (format) {
      case JSON -> json;
      case AVRO -> new AvroSerde<>(type, file, Objects.requireNonNull(registry));
    };
  }
}

package dev.headwater.schema.format;

import java.util.Objects;
import java.util.Optional;
import org.apache.kafka.common.serialization.Serde;
import org.jspecify.annotations.Nullable;

/** The form of the values that others write and read: records, labels and predictions. */
public final class Formats {
  /** JSON, all of them. */
  public static final Formats JSON = new Formats(Format.JSON, Format.JSON, Format.JSON, null);

  private final Format records;
  private final Format labels;
  private final Format predictions;
  private final @Nullable SchemaRegistry registry;

  /**
   * @param registry null where nothing is Avro
   * @throws IllegalArgumentException if it is missing
   */
  public Formats(
      Format records, Format labels, Format predictions, @Nullable RegistrySettings registry) {
    this.records = records;
    this.labels = labels;
    this.predictions = predictions;
    boolean avro = records == Format.AVRO || labels == Format.AVRO || predictions == Format.AVRO;
    if (avro && registry == null) {
      throw new IllegalArgumentException("avro needs a schema registry: say registry.url");
    }
    this.registry = avro && registry != null ? new SchemaRegistry(registry) : null;
  }

  /** How records are opened. */
  public ValueReader records() {
    return reader(records);
  }

  /** How labels are opened. */
  public ValueReader labels() {
    return reader(labels);
  }

  /** How predictions are written. */
  public <T> Serde<T> predictions(Class<T> type, Serde<T> json) {
    return serde(predictions, type, "prediction.avsc", json);
  }

  /** How labels are written. */
  public <T> Serde<T> labels(Class<T> type, Serde<T> json) {
    return serde(labels, type, "label.avsc", json);
  }

  /** Why the schema registry gave no answer when it was last asked; empty where none is missed. */
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

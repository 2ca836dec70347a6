package dev.headwater.schema.format;

/** The form of the values on a topic. */
public enum Format {
  JSON,
  /** In the Confluent wire format: a zero byte, the schema's id in four, the Avro binary. */
  AVRO
}

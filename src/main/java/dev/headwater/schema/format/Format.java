package dev.headwater.schema.format;

/** The format of the values on a topic. */
public enum Format {
  JSON,
  /** The Confluent wire format: a zero byte, the schema id in four bytes, then the Avro binary. */
  AVRO
}

package dev.headwater.schema;

/** Where a record was read from. */
public record Source(String topic, int partition, long offset) {

  /** The record id of a record that brings none of its own. */
  public String recordId() {
    return topic + "-" + partition + "-" + offset;
  }
}

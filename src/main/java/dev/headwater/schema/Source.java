package dev.headwater.schema;

/** The topic, partition and offset of a record. */
public record Source(String topic, int partition, long offset) {

  /** Returns the id of a record that has no id of its own. */
  public String recordId() {
    return topic + "-" + partition + "-" + offset;
  }
}

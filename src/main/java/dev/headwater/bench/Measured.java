package dev.headwater.bench;

import java.util.List;

/**
 * The result of one run of a variant.
 *
 * @param labels predicted labels, by index of the backlog's distinct records
 */
record Measured(
    double recordsPerSecond,
    double cpuMicrosPerRecord,
    double allocatedBytesPerRecord,
    List<String> labels) {

  /**
   * Returns the measurement between two readings.
   *
   * @param records records processed between the two readings
   */
  static Measured between(
      Meter.Reading from, Meter.Reading until, long records, List<String> labels) {
    return new Measured(
        records / until.seconds(from),
        (until.cpuNanos() - from.cpuNanos()) / 1e3 / records,
        (double) until.allocatedBytes(from) / records,
        labels);
  }
}

package dev.headwater.adapt.drift;

/**
 * Settings of drift detection. The detectors observe a uniform sample of the records, so all counts
 * are in samples: at a sampling rate of 30 %, three samples are ten records.
 *
 * @param falseAlarm minimum mean number of samples between two false alarms of one detector
 * @param reference size of the reference window that recent samples are compared with
 * @param shortWindow size of the short test window, for abrupt drift
 * @param longWindow size of the long test window, for slight drift
 */
public record DriftSettings(int falseAlarm, int reference, int shortWindow, int longWindow) {
  /** Defaults for all streams, chosen by replay: see docs/design/drift.md. */
  public static final DriftSettings DEFAULT = new DriftSettings(150_000, 256, 10, 40);

  public DriftSettings {
    require(falseAlarm >= 100, "the false alarm interval must be at least 100 samples", falseAlarm);
    require(
        reference >= 20 && reference <= 2_000,
        "the drift reference window must be 20 to 2000 samples",
        reference);
    require(shortWindow >= 4, "the short drift window must be at least 4 samples", shortWindow);
    require(
        longWindow > shortWindow, "the long drift window must exceed the short window", longWindow);
    require(longWindow <= 500, "the long drift window must be at most 500 samples", longWindow);
  }

  private static void require(boolean valid, String message, int actual) {
    if (!valid) {
      throw new IllegalArgumentException(message + ", got " + actual);
    }
  }
}

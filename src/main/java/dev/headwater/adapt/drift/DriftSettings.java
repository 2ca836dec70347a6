package dev.headwater.adapt.drift;

/**
 * When the stream counts as having drifted. What is observed is a uniform draw of the records, so
 * everything here counts draws: three in ten records, at a share of 30 %.
 *
 * @param falseAlarm draws between two false alarms of one detector, on average and at least
 * @param reference draws that recent ones are compared with
 * @param shortWindow of the most recent draws, whose features are compared: for what comes at once
 * @param longWindow as {@code shortWindow}, for what is slight
 */
public record DriftSettings(int falseAlarm, int reference, int shortWindow, int longWindow) {
  /** One for all streams; chosen by replay: see RATIONALE.md beside this class. */
  public static final DriftSettings DEFAULT = new DriftSettings(150_000, 256, 10, 40);

  public DriftSettings {
    require(falseAlarm >= 100, "draws per false alarm must be at least 100", falseAlarm);
    require(reference >= 20 && reference <= 2_000, "drift reference must be 20 to 2000", reference);
    require(shortWindow >= 4, "the short drift window must be at least 4", shortWindow);
    require(longWindow > shortWindow, "the long drift window must exceed the short", longWindow);
    require(longWindow <= 500, "the long drift window must be at most 500", longWindow);
  }

  private static void require(boolean holds, String message, int got) {
    if (!holds) {
      throw new IllegalArgumentException(message + ", got " + got);
    }
  }
}

package dev.headwater.adapt.drift;

import java.util.SplittableRandom;

/**
 * With labels: whether the live head errs more than it did. Like ADWIN (Bifet, Gavaldà 2007) it
 * forgets what lies before a change to the better, and so is as sensitive after heads have improved
 * as before; unlike there, its false alarms are bounded over its whole life: one in {@link
 * DriftSettings#falseAlarm} judged draws on average at most. Not thread-safe.
 */
final class ErrorDrift {
  private final DriftSettings settings;
  private final Ranks ranks;
  private final Evidence worse = new Evidence();
  private final Evidence better = new Evidence();

  ErrorDrift(DriftSettings settings, SplittableRandom random) {
    this.settings = settings;
    this.ranks = new Ranks(settings.reference(), random);
  }

  /**
   * Whether this one raises the alarm.
   *
   * @param error in [0, 1]: 0 or 1, or the share of a mask that is wrong
   */
  boolean observe(double error) {
    double p = ranks.pValue(error);
    worse.add(p);
    better.add(1 - p);
    if (better.level() >= settings.falseAlarm()) {
      ranks.clear();
      better.clear();
    }
    return worse.level() >= settings.falseAlarm();
  }

  /** From 0 to 1, where it alarms. */
  double score() {
    return Evidence.score(worse.level(), settings.falseAlarm());
  }

  void clear() {
    ranks.clear();
    worse.clear();
    better.clear();
  }
}

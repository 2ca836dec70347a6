package dev.headwater.adapt.drift;

import java.util.SplittableRandom;

/**
 * A drift detector with labels: detects a higher error of the live head. Like ADWIN (Bifet, Gavaldà
 * 2007), it drops the errors before an improvement, so that it stays sensitive after better heads.
 * Unlike ADWIN, it bounds false alarms over its whole lifetime: at most one per {@link
 * DriftSettings#falseAlarm} labelled samples on average. Not thread-safe.
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
   * Adds an error; returns whether it raises an alarm.
   *
   * @param error error in [0, 1]: 0 or 1, or the fraction of wrong pixels of a mask
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

  /** Returns a score from 0 to 1; 1 raises an alarm. */
  double score() {
    return Evidence.score(worse.level(), settings.falseAlarm());
  }

  void clear() {
    ranks.clear();
    worse.clear();
    better.clear();
  }
}

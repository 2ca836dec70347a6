package dev.headwater.adapt.drift;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Without labels: whether confidences have become lower, or higher, than they were. A confidence is
 * compared with those of the same head only; the evidence is one over all heads. False alarms: one
 * in {@link DriftSettings#falseAlarm} draws on average at most. Not thread-safe.
 */
final class ConfidenceDrift {
  /**
   * Heads are swapped record by record on each instance, so two or three take turns for a while.
   */
  private static final int HEADS = 4;

  private final DriftSettings settings;
  private final SplittableRandom random;
  private final Map<Long, Ranks> ranks =
      new LinkedHashMap<>(HEADS, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Ranks> eldest) {
          return size() > HEADS;
        }
      };
  private final Evidence higher = new Evidence();
  private final Evidence lower = new Evidence();

  ConfidenceDrift(DriftSettings settings, SplittableRandom random) {
    this.settings = settings;
    this.random = random;
  }

  /** Whether this one raises the alarm. */
  boolean observe(double confidence, long headVersion) {
    double p =
        ranks
            .computeIfAbsent(headVersion, head -> new Ranks(settings.reference(), random))
            .pValue(confidence);
    higher.add(p);
    lower.add(1 - p);
    return level() >= settings.falseAlarm();
  }

  private double level() {
    return (higher.level() + lower.level()) / 2;
  }

  /** From 0 to 1, where it alarms. */
  double score() {
    return Evidence.score(level(), settings.falseAlarm());
  }

  void clear() {
    ranks.clear();
    higher.clear();
    lower.clear();
  }
}

package dev.headwater.adapt.drift;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A drift detector without labels: detects lower or higher confidences. A confidence is compared
 * only with earlier ones of the same head; the evidence accumulates over all heads. False alarms:
 * at most one per {@link DriftSettings#falseAlarm} samples on average. Not thread-safe.
 */
final class ConfidenceDrift {
  /**
   * Number of heads to track. Each instance swaps heads on its own, so predictions of two or three
   * heads are interleaved for a while.
   */
  private static final int MAX_HEADS = 4;

  private final DriftSettings settings;
  private final SplittableRandom random;
  private final Map<Long, Ranks> ranks =
      new LinkedHashMap<>(MAX_HEADS, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Ranks> eldest) {
          return size() > MAX_HEADS;
        }
      };
  private final Evidence higher = new Evidence();
  private final Evidence lower = new Evidence();

  ConfidenceDrift(DriftSettings settings, SplittableRandom random) {
    this.settings = settings;
    this.random = random;
  }

  /** Adds a confidence; returns whether it raises an alarm. */
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

  /** Returns a score from 0 to 1; 1 raises an alarm. */
  double score() {
    return Evidence.score(level(), settings.falseAlarm());
  }

  void clear() {
    ranks.clear();
    higher.clear();
    lower.clear();
  }
}

package dev.headwater.adapt.drift;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Monitors the stream of a task for drift, with three detectors. Its input is a uniform sample of
 * the records in stream order: features and confidences when scored, errors once labelled. The
 * state depends only on this input, so the same samples give the same state again.
 *
 * <p>An alarm is raised once and stays active until a sample arrives that another head has scored.
 * No other alarm is raised until then. An alarm resets all detectors to the samples after it. A new
 * live head without an alarm keeps the reference windows of features and errors; its confidences
 * are compared only with its own.
 *
 * <p>False alarms: each detector raises at most one per {@link DriftSettings#falseAlarm} of its
 * samples on average. Not thread-safe.
 */
public final class DriftMonitor {
  public static final String FEATURES = "drift-features";
  public static final String CONFIDENCE = "drift-confidence";
  public static final String ERRORS = "drift-errors";

  /** All alarm causes. */
  public static final List<String> CAUSES = List.of(FEATURES, CONFIDENCE, ERRORS);

  /** Arbitrary, but fixed: it makes the state reproducible. */
  private static final long SEED = 20_071_107;

  private final FeatureDrift features;
  private final ConfidenceDrift confidences;
  private final ErrorDrift errors;
  private Optional<String> standing = Optional.empty();
  private long lastHead = Long.MIN_VALUE;

  public DriftMonitor(DriftSettings settings) {
    this(settings, SEED);
  }

  DriftMonitor(DriftSettings settings, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    features = new FeatureDrift(settings, random.split());
    confidences = new ConfidenceDrift(settings, random.split());
    errors = new ErrorDrift(settings, random.split());
  }

  /**
   * Adds a uniformly sampled record, labelled or not.
   *
   * @param recordId record id, used by {@link #erase}
   * @param vector features, of constant length; kept by reference, so it must not be modified
   * @param confidence confidence of the prediction; for segmentation, the mean over the pixels
   * @param headVersion version of the head that made the prediction
   * @return the cause of the alarm that this record raises, {@link #FEATURES} or {@link
   *     #CONFIDENCE}; empty for none
   */
  public Optional<String> observe(
      String recordId, float[] vector, double confidence, long headVersion) {
    boolean anotherHead = headVersion != lastHead;
    lastHead = headVersion;
    if (standing.isPresent()) {
      if (!anotherHead) {
        features.collect(recordId, vector);
        return Optional.empty();
      }
      standing = Optional.empty();
    }
    boolean featureDrift = features.observe(recordId, vector);
    boolean confidenceDrift = confidences.observe(confidence, headVersion);
    return featureDrift ? alarm(FEATURES) : confidenceDrift ? alarm(CONFIDENCE) : Optional.empty();
  }

  /**
   * Adds the prediction error of an audit sample. Low-confidence samples are not a uniform sample
   * and must not be added.
   *
   * @param error error in [0, 1]: 0 or 1, or the fraction of wrong pixels of a mask
   * @return the cause of the alarm that this record raises, {@link #ERRORS}; empty for none
   */
  public Optional<String> observeError(double error) {
    return standing.isEmpty() && errors.observe(error) ? alarm(ERRORS) : Optional.empty();
  }

  /** Erases the features of a record. Confidences and errors are stored without record ids. */
  public void erase(String recordId) {
    features.erase(recordId);
  }

  /** Returns the cause of the active alarm; empty for none. */
  public Optional<String> standing() {
    return standing;
  }

  /** Returns the scores by cause, from 0 (no evidence of drift) to 1 (alarm). */
  public Map<String, Double> scores() {
    return Map.of(
        FEATURES, score(FEATURES, features.score()),
        CONFIDENCE, score(CONFIDENCE, confidences.score()),
        ERRORS, score(ERRORS, errors.score()));
  }

  private double score(String cause, double score) {
    return standing.filter(cause::equals).isPresent() ? 1 : score;
  }

  private Optional<String> alarm(String cause) {
    features.clear();
    confidences.clear();
    errors.clear();
    standing = Optional.of(cause);
    return standing;
  }
}

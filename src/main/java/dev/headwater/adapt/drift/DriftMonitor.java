package dev.headwater.adapt.drift;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Watches a task's stream for drift. It is shown a uniform draw of the records, in the order they
 * come: their features and confidences as they are scored, the errors among them once they are
 * judged. All it knows comes from there, so a monitor that is shown the same draws again is in the
 * same state again.
 *
 * <p>An alarm is raised once and stands until a draw comes that another head has scored: until then
 * there is no other. With the alarm every detector begins anew, on what comes after it. A head that
 * goes live without an alarm leaves the references of features and errors where they are; its
 * confidences are compared with its own.
 *
 * <p>False alarms: of each of the three detectors at most one in {@link DriftSettings#falseAlarm}
 * of its draws on average. Not thread-safe.
 */
public final class DriftMonitor {
  public static final String FEATURES = "drift-features";
  public static final String CONFIDENCE = "drift-confidence";
  public static final String ERRORS = "drift-errors";

  /** All there are. */
  public static final List<String> CAUSES = List.of(FEATURES, CONFIDENCE, ERRORS);

  /** Any will do; one that is always the same makes a monitor's past reproducible. */
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
   * Shows a drawn record, labelled or not.
   *
   * @param recordId to erase it by
   * @param vector its features, always as many; kept, so not to be written to
   * @param confidence of the prediction; of a dense task, the mean over its pixels
   * @param headVersion that made the prediction
   * @return the cause of the alarm that this record raises: {@link #FEATURES} or {@link
   *     #CONFIDENCE}
   */
  public Optional<String> drawn(
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
    boolean moved = features.observe(recordId, vector);
    boolean unsure = confidences.observe(confidence, headVersion);
    return moved ? alarm(FEATURES) : unsure ? alarm(CONFIDENCE) : Optional.empty();
  }

  /**
   * Shows how wrong the prediction of a drawn record was. Records that were asked for because they
   * were unsure are no uniform draw and must not be shown.
   *
   * @param error in [0, 1]: 0 or 1, or the share of a mask that is wrong
   * @return the cause of the alarm that this record raises: {@link #ERRORS}
   */
  public Optional<String> judged(double error) {
    return standing.isEmpty() && errors.observe(error) ? alarm(ERRORS) : Optional.empty();
  }

  /** Forgets a record's features. Confidences and errors are numbers without a record. */
  public void erase(String recordId) {
    features.erase(recordId);
  }

  /** The cause of the alarm that no other head has answered yet. */
  public Optional<String> standing() {
    return standing;
  }

  /** By cause, each from 0, where nothing is seen, to 1, where it alarms. */
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

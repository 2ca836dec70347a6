package dev.headwater.stream.selection;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.scoring.KeyHash;
import dev.headwater.scoring.Measure;
import java.util.Map;
import java.util.Optional;

/**
 * The settings that select records for labelling: low-confidence records, and audit samples of any
 * confidence. Without audit samples, confident errors would not be found.
 *
 * @param auditShare share of the records considered that are audit samples, in [0, 1]
 * @param threshold confidence below which a record is low-confidence, in [0, 1]
 * @param measure measure of confidence
 * @param nearDuplicateDistance near-duplicate radius, as a fraction of the typical distance between
 *     records; near-duplicates of records with a recent label request request no label; 0 disables
 * @param budget limits the label requests; empty for no limit
 * @param rate per-instance limit on records per second considered, each counted once per task;
 *     above it, a uniform subsample is considered
 * @param byTask thresholds and measures of tasks that override the general ones
 */
public record Selection(
    double auditShare,
    double threshold,
    Measure measure,
    double nearDuplicateDistance,
    Optional<Budget> budget,
    double rate,
    Map<String, LowConfidence> byTask) {

  public Selection {
    byTask = Map.copyOf(byTask);
    if (!(auditShare >= 0 && auditShare <= 1)) {
      throw new IllegalArgumentException("audit-share must be in [0, 1], got " + auditShare);
    }
    new LowConfidence(threshold, measure);
    if (!(nearDuplicateDistance >= 0 && nearDuplicateDistance <= 1)) {
      throw new IllegalArgumentException(
          "near-duplicate-distance must be in [0, 1], got " + nearDuplicateDistance);
    }
    if (!(rate > 0)) {
      throw new IllegalArgumentException("max-rate must be greater than 0, got " + rate);
    }
    if (budget.isPresent() && budget.get().share() <= auditShare) {
      throw new IllegalArgumentException(
          "budget must exceed audit-share, got %s and %s"
              .formatted(budget.get().share(), auditShare));
    }
  }

  /** Creates settings without task overrides and without a rate limit. */
  public Selection(
      double auditShare,
      double threshold,
      Measure measure,
      double nearDuplicateDistance,
      Optional<Budget> budget) {
    this(
        auditShare,
        threshold,
        measure,
        nearDuplicateDistance,
        budget,
        Double.POSITIVE_INFINITY,
        Map.of());
  }

  /** Creates settings that select all records below a probability threshold. */
  public Selection(double auditShare, double threshold) {
    this(auditShare, threshold, Measure.MAX_PROBABILITY, 0, Optional.empty());
  }

  /**
   * The definition of low confidence.
   *
   * @param threshold confidence below which a record is low-confidence, in [0, 1]
   * @param measure measure of confidence
   */
  public record LowConfidence(double threshold, Measure measure) {
    public LowConfidence {
      if (!(threshold >= 0 && threshold <= 1)) {
        throw new IllegalArgumentException("threshold must be in [0, 1], got " + threshold);
      }
    }
  }

  /** Returns the definition of low confidence for a task. */
  public LowConfidence lowConfidence(String task) {
    return byTask.getOrDefault(task, new LowConfidence(threshold, measure));
  }

  /** Returns the value of {@link #standing} below which a record is low-confidence. */
  double bar() {
    return threshold > 0 ? threshold : 1;
  }

  /**
   * Returns a confidence scaled so that the threshold of its task is at {@link #bar}, which makes
   * tasks comparable; infinite for a task with threshold 0.
   */
  public double standing(String task, double confidence) {
    double taskThreshold = lowConfidence(task).threshold();
    return taskThreshold > 0 ? confidence / taskThreshold * bar() : Double.POSITIVE_INFINITY;
  }

  /**
   * A label budget. Of any n consecutive records, at most {@code share} * n + {@code burst} request
   * labels, audit samples included. Audit samples themselves are not limited.
   *
   * @param share share of all records, audit samples included, in (0, 1]
   * @param burst maximum reserve of unused requests; full at start
   * @param window number of recent records that confidences are compared with
   */
  public record Budget(double share, int burst, int window) {
    public Budget {
      if (!(share > 0 && share <= 1)) {
        throw new IllegalArgumentException("budget must be in (0, 1], got " + share);
      }
      if (burst < 1) {
        throw new IllegalArgumentException("budget-burst must be at least 1, got " + burst);
      }
      if (window < 10 || window > 100_000) {
        throw new IllegalArgumentException("budget-window must be 10 to 100000, got " + window);
      }
    }
  }

  /**
   * Returns whether a record is an audit sample, if it is considered: {@code KeyHash.of(utf8(id)) <
   * share * 2^32}. This depends only on the id, so retries agree and any language can recompute it.
   */
  public boolean audits(String recordId) {
    return selects(recordId, auditShare);
  }

  /** As {@link #audits}, for any share. A larger share includes all records of a smaller one. */
  public static boolean selects(String recordId, double share) {
    return selects(hash(recordId), share);
  }

  static boolean selects(long hash, double share) {
    return hash < share * 0x1p32;
  }

  /**
   * Returns whether a record is an unlabelled sample. Disjoint from {@link #audits} if the sum of
   * both shares is at most 1.
   */
  public static boolean selectsUnlabelled(String recordId, double share) {
    return hash(recordId) >= (1 - share) * 0x1p32;
  }

  /** Returns the hash of a record id, in [0, 2^32). */
  static long hash(String recordId) {
    return KeyHash.of(recordId.getBytes(UTF_8));
  }
}

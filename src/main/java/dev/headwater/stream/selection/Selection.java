package dev.headwater.stream.selection;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.scoring.KeyHash;
import dev.headwater.scoring.Measure;
import java.util.Map;
import java.util.Optional;

/**
 * Which records are worth a label: those that are unsure, and an audit drawn from all records
 * whatever their confidence, without which only what the model doubts would ever be checked.
 *
 * @param auditShare share of the records considered that is drawn for audit, in [0, 1]
 * @param threshold certainty below which a record is unsure, in [0, 1]
 * @param measure of certainty
 * @param copyDistance a record closer to one asked lately than this share of their typical distance
 *     is a copy, and asks for nothing; 0 for no such search
 * @param budget bounds how many may ask; empty for no bound
 * @param rate records a second of an instance, each counted once for every task, up to which all
 *     are considered; of more, a uniform draw of so many, and everything here is of those
 * @param byTask what is unsure of a task that has its own idea of it
 */
public record Selection(
    double auditShare,
    double threshold,
    Measure measure,
    double copyDistance,
    Optional<Budget> budget,
    double rate,
    Map<String, Doubt> byTask) {

  public Selection {
    byTask = Map.copyOf(byTask);
    if (!(auditShare >= 0 && auditShare <= 1)) {
      throw new IllegalArgumentException("audit share must be in [0, 1], not " + auditShare);
    }
    new Doubt(threshold, measure);
    if (!(copyDistance >= 0 && copyDistance <= 1)) {
      throw new IllegalArgumentException("copy distance must be in [0, 1], not " + copyDistance);
    }
    if (!(rate > 0)) {
      throw new IllegalArgumentException("selection rate must be above 0, not " + rate);
    }
    if (budget.isPresent() && budget.get().share() <= auditShare) {
      throw new IllegalArgumentException(
          "a label budget of %s leaves nothing beyond the audit share of %s: raise one or lower the other"
              .formatted(budget.get().share(), auditShare));
    }
  }

  /** The same for all tasks, and at any rate. */
  public Selection(
      double auditShare,
      double threshold,
      Measure measure,
      double copyDistance,
      Optional<Budget> budget) {
    this(auditShare, threshold, measure, copyDistance, budget, Double.POSITIVE_INFINITY, Map.of());
  }

  /** All that are less probable than a fixed threshold. */
  public Selection(double auditShare, double threshold) {
    this(auditShare, threshold, Measure.MAX_PROBABILITY, 0, Optional.empty());
  }

  /**
   * When a record is unsure.
   *
   * @param threshold certainty below which it is, in [0, 1]
   * @param measure of certainty
   */
  public record Doubt(double threshold, Measure measure) {
    public Doubt {
      if (!(threshold >= 0 && threshold <= 1)) {
        throw new IllegalArgumentException("threshold must be in [0, 1], not " + threshold);
      }
    }
  }

  /** When a record is unsure for a task. */
  public Doubt doubt(String task) {
    return byTask.getOrDefault(task, new Doubt(threshold, measure));
  }

  /** Certainty below which {@link #standing} is unsure. */
  double bar() {
    return threshold > 0 ? threshold : 1;
  }

  /**
   * Certainty for a task, so stretched that its own threshold falls on {@link #bar}: with that of
   * other tasks it can be compared.
   */
  public double standing(String task, double certainty) {
    double own = doubt(task).threshold();
    return own > 0 ? certainty / own * bar() : Double.POSITIVE_INFINITY;
  }

  /**
   * Of any n consecutive records no more ask as unsure than leaves unsure and audit together within
   * {@code share} * n + {@code burst}.
   *
   * @param share of all records, audit included, in (0, 1]
   * @param burst labels that may be saved for worse times, and are there from the start
   * @param window records among which the least certain are looked for where little is saved
   */
  public record Budget(double share, int burst, int window) {
    public Budget {
      if (!(share > 0 && share <= 1)) {
        throw new IllegalArgumentException("label budget must be in (0, 1], not " + share);
      }
      if (burst < 1) {
        throw new IllegalArgumentException("label burst must be at least 1, not " + burst);
      }
      if (window < 10 || window > 100_000) {
        throw new IllegalArgumentException("budget window must be 10 to 100000, not " + window);
      }
    }
  }

  /**
   * Whether the audit draws this record, if it is considered: {@code KeyHash.of(utf8(id)) < share *
   * 2^32}. A function of the id alone, so that retries agree and any language can recompute it.
   */
  public boolean audits(String recordId) {
    return draws(recordId, auditShare);
  }

  /** As {@link #audits}, for any share: what a smaller one draws, a larger one draws too. */
  public static boolean draws(String recordId, double share) {
    return draws(hash(recordId), share);
  }

  static boolean draws(long hash, double share) {
    return hash < share * 0x1p32;
  }

  /**
   * A share of the records that nobody is asked about at random: none that {@link #audits} draws,
   * as long as both shares are 1 together at most.
   */
  public static boolean drawsOthers(String recordId, double share) {
    return hash(recordId) >= (1 - share) * 0x1p32;
  }

  /** In [0, 2^32). */
  static long hash(String recordId) {
    return KeyHash.of(recordId.getBytes(UTF_8));
  }
}

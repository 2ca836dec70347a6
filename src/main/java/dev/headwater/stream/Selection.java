package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Optional;
import java.util.zip.CRC32;

/**
 * Which records are worth a label: those that are unsure, and an audit drawn from all records
 * whatever their confidence, without which only what the model doubts would ever be checked.
 *
 * @param auditShare share of all records drawn for audit, in [0, 1]
 * @param threshold confidence below which a record is unsure, in [0, 1]
 * @param budget bounds how many may ask; empty for no bound
 */
public record Selection(double auditShare, double threshold, Optional<Budget> budget) {

  public Selection {
    if (!(auditShare >= 0 && auditShare <= 1)) {
      throw new IllegalArgumentException("audit share must be in [0, 1], not " + auditShare);
    }
    if (!(threshold >= 0 && threshold <= 1)) {
      throw new IllegalArgumentException("threshold must be in [0, 1], not " + threshold);
    }
    if (budget.isPresent() && budget.get().share() <= auditShare) {
      throw new IllegalArgumentException(
          "a label budget of %s leaves nothing beyond the audit share of %s: raise one or lower the other"
              .formatted(budget.get().share(), auditShare));
    }
  }

  /** Without a bound. */
  public Selection(double auditShare, double threshold) {
    this(auditShare, threshold, Optional.empty());
  }

  /**
   * Unsure and audit together stay within a share; the least confident come first.
   *
   * @param share of any {@code window} consecutive records, audit included, in (0, 1]
   * @param window records the share is held over
   */
  public record Budget(double share, int window) {
    public Budget {
      if (!(share > 0 && share <= 1)) {
        throw new IllegalArgumentException("label budget must be in (0, 1], not " + share);
      }
      if (window < 10 || window > 100_000) {
        throw new IllegalArgumentException("budget window must be 10 to 100000, not " + window);
      }
    }
  }

  /**
   * Whether the audit draws this record: {@code fmix32(crc32(utf8(id))) < share * 2^32}, unsigned,
   * with fmix32 the finaliser of MurmurHash3 (A. Appleby), which makes the linear CRC uniform on
   * ids that count up. A function of the id alone, so that retries agree and any language can
   * recompute it.
   */
  boolean audits(String recordId) {
    return draws(recordId, auditShare);
  }

  /** As {@link #audits}, for any share: what a smaller one draws, a larger one draws too. */
  static boolean draws(String recordId, double share) {
    return hash(recordId) < share * 0x1p32;
  }

  /** In [0, 2^32). */
  static long hash(String recordId) {
    CRC32 crc = new CRC32();
    crc.update(recordId.getBytes(UTF_8));
    int h = (int) crc.getValue();
    h = (h ^ h >>> 16) * 0x85ebca6b;
    h = (h ^ h >>> 13) * 0xc2b2ae35;
    return Integer.toUnsignedLong(h ^ h >>> 16);
  }
}

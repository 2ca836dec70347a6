package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.zip.CRC32;

/**
 * Which records are worth a label: all that are unsure, and an audit drawn from all records
 * whatever their confidence, without which only what the model doubts would ever be checked.
 *
 * @param auditShare share of all records drawn for audit, in [0, 1]
 * @param unsure when a record counts as unsure
 */
public record Selection(double auditShare, Unsure unsure) {

  public Selection {
    if (!(auditShare >= 0 && auditShare <= 1)) {
      throw new IllegalArgumentException("audit share must be in [0, 1], not " + auditShare);
    }
    if (unsure instanceof Budget budget && budget.share() <= auditShare) {
      throw new IllegalArgumentException(
          "a label budget of %s leaves nothing beyond the audit share of %s: raise one or lower the other"
              .formatted(budget.share(), auditShare));
    }
  }

  /** When a record counts as unsure. */
  public sealed interface Unsure permits Threshold, Budget {}

  /** Below a fixed confidence. */
  public record Threshold(double confidence) implements Unsure {
    public Threshold {
      if (!(confidence >= 0 && confidence <= 1)) {
        throw new IllegalArgumentException("threshold must be in [0, 1], not " + confidence);
      }
    }
  }

  /**
   * Among the least confident, so that unsure and audit together stay within a share.
   *
   * @param share of any {@code window} consecutive records, audit included, in (0, 1]
   * @param window records the quantile is taken over
   */
  public record Budget(double share, int window) implements Unsure {
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
    return hash(recordId) < auditShare * 0x1p32;
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

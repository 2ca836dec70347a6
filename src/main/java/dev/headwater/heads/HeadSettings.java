package dev.headwater.heads;

/**
 * How head versions are kept.
 *
 * @param keep newest heads per task whose tensors stay on the topic; the live head and its parent
 *     stay whatever their age
 * @param chunkBytes most bytes of a head in one Kafka record; with its key it must stay below the
 *     topic's {@code max.message.bytes}
 * @param signatures with what is written is signed, and without which nothing is believed
 */
public record HeadSettings(int keep, int chunkBytes, Signatures signatures) {
  /**
   * Newest versions per task whose manifests stay on the topic, with tensors or without. Of older
   * ones only what has tensors, the live version and its parent stay: a trainer that is refused
   * again and again writes a manifest each time, and neither the topic nor what every follower
   * holds of it may grow for ever. A hundred are more than anybody looks through, and with 150
   * labels each some 300 kB; verdicts older than that are in the trainer's log. The newest version
   * always stays, so a number is never given twice.
   */
  public static final int HISTORY = 100;

  /** Room for a record's key, its headers and the batch around it. */
  static final int RECORD_OVERHEAD = 16 << 10;

  /** What passes a broker with Kafka's default limit of 1 MiB. */
  public static final int CHUNK_BYTES = (1 << 20) - RECORD_OVERHEAD;

  /** Ten heads, in chunks as large as may be. */
  public static final HeadSettings DEFAULT = new HeadSettings(10, CHUNK_BYTES);

  /** Without signatures. */
  public HeadSettings(int keep, int chunkBytes) {
    this(keep, chunkBytes, Signatures.NONE);
  }

  public HeadSettings {
    if (keep < 1) {
      throw new IllegalArgumentException("heads to keep must be at least 1, got " + keep);
    }
    if (chunkBytes < 1 || chunkBytes > CHUNK_BYTES) {
      throw new IllegalArgumentException(
          "chunk bytes must be from 1 to %d, for the topic takes 1 MiB at once; got %d"
              .formatted(CHUNK_BYTES, chunkBytes));
    }
  }
}

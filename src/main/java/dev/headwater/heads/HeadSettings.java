package dev.headwater.heads;

/**
 * The retention, chunking and signing of head versions.
 *
 * @param keep number of newest heads per task whose tensors stay on the topic; the live head and
 *     its parent always stay
 * @param chunkBytes maximum bytes of a head in one Kafka record; with the key they must stay below
 *     the topic's {@code max.message.bytes}
 * @param signatures the keys to sign and verify records with
 */
public record HeadSettings(int keep, int chunkBytes, Signatures signatures) {
  /**
   * Number of newest versions per task whose manifests stay on the topic, with or without tensors.
   * Of older versions, only those with tensors, the live version and its parent stay. Every
   * rejected candidate writes a manifest, so without a limit the topic and the memory of every
   * follower would grow forever. A hundred manifests with 150 labels each take about 300 kB. Older
   * verdicts are in the trainer's log. The newest version always stays, so that version numbers are
   * never reused.
   */
  public static final int HISTORY = 100;

  /** Reserved bytes for a record's key, its headers and the record batch. */
  static final int RECORD_OVERHEAD = 16 << 10;

  /** The largest chunk for a broker with Kafka's default limit of 1 MiB. */
  public static final int CHUNK_BYTES = (1 << 20) - RECORD_OVERHEAD;

  /** Keeps ten heads, in chunks of the maximum size. */
  public static final HeadSettings DEFAULT = new HeadSettings(10, CHUNK_BYTES);

  /** Creates settings without signatures. */
  public HeadSettings(int keep, int chunkBytes) {
    this(keep, chunkBytes, Signatures.NONE);
  }

  public HeadSettings {
    if (keep < 1) {
      throw new IllegalArgumentException("number of heads to keep must be at least 1, got " + keep);
    }
    if (chunkBytes < 1 || chunkBytes > CHUNK_BYTES) {
      throw new IllegalArgumentException(
          "chunk bytes must be between 1 and %d, because the topic limits records to 1 MiB; got %d"
              .formatted(CHUNK_BYTES, chunkBytes));
    }
  }
}

package dev.headwater.stream;

import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/**
 * How the stream processor runs.
 *
 * @param applicationId consumer group, and prefix of transactional ids and changelogs
 * @param stateDir kept over restarts: without it a killed transaction stalls readers for seconds
 * @param threads stream threads
 * @param commitInterval how often offsets and, under exactly-once, transactions are committed;
 *     readers that are read_committed see nothing sooner
 * @param linger how long a producer waits to fill a batch, a commit at most; a floor of the latency
 *     for readers that do not wait for a commit
 * @param selection which records are worth a label
 * @param unlabelledShare share of the records considered whose features go to the samples without a
 *     label, in [0, 1]: what drift is seen in, domains are adapted by, and a last layer learns from
 *     where it is sure; of what teaches nothing without a label, as much as drift is seen in
 * @param labelWait how long a record waits for its label, and a label for its record
 * @param top how many labels a prediction names
 * @param readAheadBytes bound of results computed ahead; beyond it records are scored one by one
 * @param storeBytes of native memory for all stores of the label join together
 * @param closeTimeout for the stream threads to stop
 */
public record StreamSettings(
    String applicationId,
    Path stateDir,
    int threads,
    Guarantee guarantee,
    Protocol protocol,
    Duration commitInterval,
    Duration linger,
    Selection selection,
    double unlabelledShare,
    Duration labelWait,
    int top,
    long readAheadBytes,
    long storeBytes,
    Duration closeTimeout) {

  /** What a crash may do to predictions. */
  public enum Guarantee {
    EXACTLY_ONCE_V2,
    AT_LEAST_ONCE;

    String property() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Who assigns partitions: the members ({@code CLASSIC}), or the broker (KIP-1071). */
  public enum Protocol {
    CLASSIC,
    STREAMS;

    String property() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public StreamSettings {
    require(!applicationId.isBlank(), "application id must not be blank");
    require(threads >= 1, "threads must be at least 1, not " + threads);
    require(top >= 1, "top must be at least 1, not " + top);
    require(readAheadBytes >= 0, "read-ahead bytes must not be negative, not " + readAheadBytes);
    require(storeBytes >= 1 << 20, "store bytes must be at least 1 MiB, not " + storeBytes);
    require(
        unlabelledShare >= 0 && unlabelledShare <= 1,
        "unlabelled share must be in [0, 1], not " + unlabelledShare);
    positive(commitInterval, "commit interval");
    positive(labelWait, "label wait");
    positive(closeTimeout, "close timeout");
    require(!linger.isNegative(), "linger must not be negative, not " + linger);
  }

  /** The same for another application, and another choice of what to ask about. */
  public StreamSettings with(String application, Path directory, Selection chosen) {
    return new StreamSettings(
        application,
        directory,
        threads,
        guarantee,
        protocol,
        commitInterval,
        linger,
        chosen,
        unlabelledShare,
        labelWait,
        top,
        readAheadBytes,
        storeBytes,
        closeTimeout);
  }

  /** Everything but what has no sensible default. */
  public static StreamSettings of(String applicationId, Path stateDir, Selection selection) {
    return new StreamSettings(
        applicationId,
        stateDir,
        2,
        Guarantee.EXACTLY_ONCE_V2,
        Protocol.CLASSIC,
        Duration.ofMillis(100),
        Duration.ofMillis(100),
        selection,
        0.3,
        Duration.ofDays(3),
        3,
        256L << 20,
        128L << 20,
        Duration.ofSeconds(30));
  }

  private static void positive(Duration duration, String name) {
    require(duration.toMillis() > 0, name + " must be at least 1 ms, not " + duration);
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}

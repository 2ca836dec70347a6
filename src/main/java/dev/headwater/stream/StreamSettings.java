package dev.headwater.stream;

import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/**
 * Settings of the stream processor.
 *
 * @param applicationId consumer group, and prefix of transactional ids and changelog topics
 * @param stateDir directory of the state stores; keep it across restarts, because without it a
 *     transaction that was open at a crash stalls read-committed consumers for seconds
 * @param threads stream threads
 * @param commitInterval interval between commits; under exactly-once it is the lower bound of
 *     latency for read-committed consumers
 * @param linger time a producer waits to fill a batch; a commit ends the wait
 * @param selection selection of records for labelling
 * @param unlabelledShare fraction of the considered records that become unlabelled samples, in [0,
 *     1]; used for drift detection, domain adaptation and pseudo-labels
 * @param labelWait time a record waits for its label, and a label for its record
 * @param topK number of most probable labels in a prediction
 * @param readAheadBytes heap limit for results computed ahead; further records are scored one by
 *     one
 * @param storeBytes native memory limit for all state stores of the label join together
 * @param closeTimeout time for Kafka Streams to close
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
    int topK,
    long readAheadBytes,
    long storeBytes,
    Duration closeTimeout) {

  /** The processing guarantee. */
  public enum Guarantee {
    EXACTLY_ONCE_V2,
    AT_LEAST_ONCE;

    String property() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The rebalance protocol: client-side assignment, or by the broker (KIP-1071). */
  public enum Protocol {
    CLASSIC,
    STREAMS;

    String property() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public StreamSettings {
    require(!applicationId.isBlank(), "application id must not be blank");
    require(threads >= 1, "threads must be at least 1, got " + threads);
    require(topK >= 1, "top-k must be at least 1, got " + topK);
    require(readAheadBytes >= 0, "read-ahead bytes must not be negative, got " + readAheadBytes);
    require(storeBytes >= 1 << 20, "store bytes must be at least 1 MiB, got " + storeBytes);
    require(
        unlabelledShare >= 0 && unlabelledShare <= 1,
        "unlabelled share must be in [0, 1], got " + unlabelledShare);
    positive(commitInterval, "commit interval");
    positive(labelWait, "label wait");
    positive(closeTimeout, "close timeout");
    require(!linger.isNegative(), "linger must not be negative, got " + linger);
  }

  /** Returns a copy with another application id, state directory and selection. */
  public StreamSettings with(String newApplicationId, Path newStateDir, Selection newSelection) {
    return new StreamSettings(
        newApplicationId,
        newStateDir,
        threads,
        guarantee,
        protocol,
        commitInterval,
        linger,
        newSelection,
        unlabelledShare,
        labelWait,
        topK,
        readAheadBytes,
        storeBytes,
        closeTimeout);
  }

  /** Returns the default settings. */
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
    require(duration.toMillis() > 0, name + " must be at least 1 ms, got " + duration);
  }

  private static void require(boolean valid, String message) {
    if (!valid) {
      throw new IllegalArgumentException(message);
    }
  }
}

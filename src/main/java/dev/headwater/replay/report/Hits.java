package dev.headwater.replay.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A ratio, such as correct records or pixels to all of them, by position in the stream and over the
 * latest records. Not thread-safe.
 */
final class Hits {
  /** Columns of the accuracy curve, a multiple of the number of segments. */
  static final int COLUMNS = 60;

  private static final int SEGMENTS = 10;

  /** Records in the rolling ratio. */
  static final int WINDOW = 200;

  private final int records;
  private final long[] parts = new long[COLUMNS];
  private final long[] wholes = new long[COLUMNS];
  private final long[] latestParts = new long[WINDOW];
  private final long[] latestWholes = new long[WINDOW];
  private int total;

  Hits(int records) {
    this.records = records;
  }

  void add(int index, boolean correct) {
    add(index, correct ? 1 : 0, 1);
  }

  void add(int index, long part, long whole) {
    int column = (int) ((long) index * COLUMNS / records);
    parts[column] += part;
    wholes[column] += whole;
    latestParts[total % WINDOW] = part;
    latestWholes[total++ % WINDOW] = whole;
  }

  /** Returns the ratio over the latest {@link #WINDOW} records; null before the first one. */
  @Nullable Double rolling() {
    int n = Math.min(total, WINDOW);
    return share(sum(latestParts, 0, n), sum(latestWholes, 0, n));
  }

  List<@Nullable Double> curve() {
    return segments(COLUMNS);
  }

  ReplayReport.Accuracy accuracy() {
    return new ReplayReport.Accuracy(segments(1).get(0), segments(SEGMENTS));
  }

  private List<@Nullable Double> segments(int count) {
    int width = COLUMNS / count;
    List<@Nullable Double> ratios = new ArrayList<>();
    for (int from = 0; from < COLUMNS; from += width) {
      ratios.add(share(sum(parts, from, from + width), sum(wholes, from, from + width)));
    }
    return ratios;
  }

  private static long sum(long[] counts, int from, int to) {
    return IntStream.range(from, to).mapToLong(i -> counts[i]).sum();
  }

  private static @Nullable Double share(long part, long whole) {
    return whole == 0 ? null : (double) part / whole;
  }
}

package dev.headwater.replay.report;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A part of a whole (records that are right, or pixels) over the length of a stream, and over its
 * latest records; not thread-safe.
 */
final class Hits {
  /** Columns of the accuracy curve; segments are whole numbers of columns. */
  static final int COLUMNS = 60;

  private static final int SEGMENTS = 10;

  /** Records in the rolling figures. */
  static final int WINDOW = 200;

  private final int records;
  private final long[] right = new long[COLUMNS];
  private final long[] judged = new long[COLUMNS];
  private final long[] latestRight = new long[WINDOW];
  private final long[] latestJudged = new long[WINDOW];
  private int total;

  Hits(int records) {
    this.records = records;
  }

  void add(int index, boolean hit) {
    add(index, hit ? 1 : 0, 1);
  }

  void add(int index, long part, long whole) {
    int column = (int) ((long) index * COLUMNS / records);
    right[column] += part;
    judged[column] += whole;
    latestRight[total % WINDOW] = part;
    latestJudged[total++ % WINDOW] = whole;
  }

  /** Over the latest {@link #WINDOW} records to arrive; null before the first. */
  @Nullable Double rolling() {
    int n = Math.min(total, WINDOW);
    return share(sum(latestRight, 0, n), sum(latestJudged, 0, n));
  }

  List<@Nullable Double> curve() {
    return parts(COLUMNS);
  }

  ReplayReport.Accuracy accuracy() {
    return new ReplayReport.Accuracy(parts(1).get(0), parts(SEGMENTS));
  }

  private List<@Nullable Double> parts(int count) {
    int width = COLUMNS / count;
    List<@Nullable Double> parts = new ArrayList<>();
    for (int from = 0; from < COLUMNS; from += width) {
      parts.add(share(sum(right, from, from + width), sum(judged, from, from + width)));
    }
    return parts;
  }

  private static long sum(long[] counts, int from, int to) {
    return IntStream.range(from, to).mapToLong(i -> counts[i]).sum();
  }

  private static @Nullable Double share(long part, long whole) {
    return whole == 0 ? null : (double) part / whole;
  }
}

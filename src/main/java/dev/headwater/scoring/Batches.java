package dev.headwater.scoring;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * Splits records, sorted by descending length, into batches with minimal total cost. A batch is
 * padded to its longest record, and a padding token costs as much as a real one. Each batch also
 * has a fixed cost of about one record of average length (docs/design/scoring.md).
 */
final class Batches {
  private Batches() {}

  /**
   * Returns the exclusive end index of each batch, ascending, by dynamic programming.
   *
   * @param lengths record lengths, descending
   * @param maxBatchSize maximum number of records per batch
   */
  static List<Integer> ends(int[] lengths, int maxBatchSize) {
    double fixedCost = Arrays.stream(lengths).average().orElse(0);
    double[] cost = new double[lengths.length + 1];
    int[] start = new int[lengths.length + 1];
    for (int end = 1; end <= lengths.length; end++) {
      int shortest = lengths[end - 1];
      cost[end] = Double.POSITIVE_INFINITY;
      // padding a record by more than the fixed cost is never cheaper than a separate batch
      for (int from = end - 1;
          from >= Math.max(0, end - maxBatchSize) && lengths[from] - shortest <= fixedCost;
          from--) {
        double total = cost[from] + fixedCost + (double) lengths[from] * (end - from);
        if (total < cost[end]) {
          cost[end] = total;
          start[end] = from;
        }
      }
    }
    Deque<Integer> ends = new ArrayDeque<>();
    for (int end = lengths.length; end > 0; end = start[end]) {
      ends.addFirst(end);
    }
    return List.copyOf(ends);
  }
}

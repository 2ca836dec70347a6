package dev.headwater.scoring;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * Where to cut records, the longest first, into batches, so that all runs together cost least. A
 * run pads all of its records to its longest, and a padded token costs as much as a real one; each
 * run costs besides about as much as a record of middling length does by itself (RATIONALE.md).
 */
final class Batches {
  private Batches() {}

  /**
   * Each batch's end, in order: the least of all costs, by dynamic programming over the ends.
   *
   * @param lengths descending
   * @param largest records in a batch
   */
  static List<Integer> ends(int[] lengths, int largest) {
    double run = Arrays.stream(lengths).average().orElse(0);
    double[] cost = new double[lengths.length + 1];
    int[] begin = new int[lengths.length + 1];
    for (int end = 1; end <= lengths.length; end++) {
      int last = lengths[end - 1];
      cost[end] = Double.POSITIVE_INFINITY;
      // a record that would be padded by more than a run costs is better off in a run of its own
      for (int from = end - 1;
          from >= Math.max(0, end - largest) && lengths[from] - last <= run;
          from--) {
        double total = cost[from] + run + (double) lengths[from] * (end - from);
        if (total < cost[end]) {
          cost[end] = total;
          begin[end] = from;
        }
      }
    }
    Deque<Integer> ends = new ArrayDeque<>();
    for (int end = lengths.length; end > 0; end = begin[end]) {
      ends.addFirst(end);
    }
    return List.copyOf(ends);
  }
}

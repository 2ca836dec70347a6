package dev.headwater.replay.report;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.Estimate;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Errors and interval coverage of a regression task over the length of a stream. */
final class Errors {
  private static final int SEGMENTS = 10;

  private final int records;
  private final Kind.Quantity kind;
  private final double[] squares = new double[SEGMENTS];
  private final int[] counts = new int[SEGMENTS];
  private final Hits covered;

  Errors(int records, Kind.Quantity kind) {
    this.records = records;
    this.kind = kind;
    this.covered = new Hits(records);
  }

  /**
   * Adds an estimate.
   *
   * @param estimate null without a live head; ignored then
   */
  void add(int index, String truth, @Nullable Estimate estimate) {
    if (estimate == null) {
      return;
    }
    int segment = (int) ((long) index * SEGMENTS / records);
    double error = kind.onScale(Double.toString(estimate.value())) - kind.onScale(truth);
    squares[segment] += error * error;
    counts[segment]++;
    if (estimate.lower() != null) {
      covered.add(index, estimate.covers(Double.parseDouble(truth)));
    }
  }

  ReplayReport.Accuracy rmse() {
    double sum = 0;
    int total = 0;
    List<@Nullable Double> segments = new ArrayList<>();
    for (int i = 0; i < SEGMENTS; i++) {
      segments.add(root(squares[i], counts[i]));
      sum += squares[i];
      total += counts[i];
    }
    return new ReplayReport.Accuracy(root(sum, total), segments);
  }

  private static @Nullable Double root(double squares, int count) {
    return count == 0 ? null : Math.sqrt(squares / count);
  }

  ReplayReport.Accuracy coverage() {
    return covered.accuracy();
  }
}

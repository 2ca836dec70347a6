package dev.headwater.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The cost per record along an axis.
 *
 * @param points at least one point, in ascending order of x
 */
record Curve(String axis, List<Point> points) {
  private static final String ROW = "%,13d %,9d %,11.1f %,9.1f – %,9.1f %,11.1f %,9.1f – %,9.1f";
  private static final String HEADER = "%13s %9s %33s %33s";

  /**
   * Rounds at one x, in microseconds per record.
   *
   * @param records records per round
   * @param wall wall-clock time
   * @param cpu CPU time of this process, including compilation and garbage collection
   */
  record Point(int x, int records, Spread wall, Spread cpu) {
    static Point of(int x, int records, List<Measured> rounds) {
      return new Point(
          x,
          records,
          Spread.of(rounds.stream().map(round -> 1e6 / round.recordsPerSecond()).toList()),
          Spread.of(rounds.stream().map(Measured::cpuMicrosPerRecord).toList()));
    }
  }

  /** A point as it appears in the report. */
  private record Row(int x, int records, Spread microsPerRecord, Spread cpuMicrosPerRecord) {}

  /**
   * Exponents e of cost ~ x^e: over all points by least squares, and the maximum between two
   * neighbours. 0 is constant, 1 is linear.
   *
   * @param wall null if there is only one point; likewise the others
   */
  record Exponents(@Nullable Double wall, @Nullable Double cpu, @Nullable Double steepestCpu) {}

  Exponents exponents() {
    if (points.size() < 2) {
      return new Exponents(null, null, null);
    }
    double steepest = Double.NEGATIVE_INFINITY;
    for (int i = 1; i < points.size(); i++) {
      steepest = Math.max(steepest, slope(points.subList(i - 1, i + 1), Point::cpu));
    }
    return new Exponents(slope(points, Point::wall), slope(points, Point::cpu), steepest);
  }

  private static double slope(List<Point> points, Function<Point, Spread> cost) {
    double meanX = points.stream().mapToDouble(Curve::logX).average().orElseThrow();
    double meanY = points.stream().mapToDouble(p -> log(cost.apply(p))).average().orElseThrow();
    double covariance = 0;
    double variance = 0;
    for (Point point : points) {
      double x = logX(point) - meanX;
      covariance += x * (log(cost.apply(point)) - meanY);
      variance += x * x;
    }
    return covariance / variance;
  }

  private static double logX(Point point) {
    return Math.log(point.x());
  }

  private static double log(Spread cost) {
    return Math.log(cost.median());
  }

  /** Adds {@code scale.<axis>} and {@code scale.exponents.<axis>} to the report. */
  void report(Report report) {
    List<Row> rows = new ArrayList<>();
    for (Point point : points) {
      rows.add(new Row(point.x(), point.records(), point.wall(), point.cpu()));
    }
    report.put("scale." + axis, rows);
    report.put("scale.exponents." + axis, exponents());
  }

  void print(Consumer<String> progress) {
    progress.accept(
        HEADER.formatted(axis, "records", "us per record (min – max)", "us of CPU (min – max)"));
    for (Point point : points) {
      Spread wall = point.wall();
      Spread cpu = point.cpu();
      progress.accept(
          ROW.formatted(
              point.x(),
              point.records(),
              wall.median(),
              wall.min(),
              wall.max(),
              cpu.median(),
              cpu.min(),
              cpu.max()));
    }
    Exponents exponents = exponents();
    if (exponents.cpu() != null) {
      progress.accept(
          String.format(
              Locale.ROOT,
              "%13s: cost exponent %.2f wall clock, %.2f CPU, at most %.2f CPU between neighbours",
              axis,
              exponents.wall(),
              exponents.cpu(),
              exponents.steepestCpu()));
    }
  }
}

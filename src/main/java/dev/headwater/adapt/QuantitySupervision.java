package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Targets;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.HeadInfo;
import dev.headwater.scoring.KindAnswer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * Supervision for regression tasks: squared error, in units of the variance of the numbers. The
 * gate caps the error of a record at 1; the training loss becomes linear for large errors. So no
 * single record dominates. See docs/design/experiments.md.
 *
 * @param mean mean of the numbers, on the head's scale
 * @param spread standard deviation of the numbers
 * @param smallest smallest number, on the head's scale
 * @param largest largest number
 */
record QuantitySupervision(
    Kind.Quantity kind, double mean, double spread, double smallest, double largest)
    implements Supervision {
  private static final String MEAN = "mean";
  private static final String SPREAD = "spread";

  /** Number of newest residuals for the prediction interval: older ones may be outdated. */
  private static final int RESIDUALS = 100;

  /**
   * Outlier limit as a multiple of the median absolute deviation: 34 standard deviations of a
   * normal distribution.
   */
  private static final double OUTLIER_LIMIT = 50;

  /** At most one number in this many is treated as an outlier. */
  private static final int OUTLIER_RARITY = 100;

  /** The output where no head is live: the mean. */
  private static final float[] MEAN_OUTPUT = {0};

  /** Creates a supervision with unit scale, before any number is known. */
  QuantitySupervision(Kind.Quantity kind) {
    this(kind, 0, 1, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
  }

  @Override
  public int leastLabels() {
    return 1;
  }

  @Override
  public Supervision over(List<Remembered> samples) {
    double[] numbers = withoutOutliers(samples.stream().mapToDouble(this::number).toArray());
    double average = Arrays.stream(numbers).average().orElseThrow();
    double variance =
        Arrays.stream(numbers).map(n -> (n - average) * (n - average)).average().orElseThrow();
    // constant numbers have no variance: keep the unit scale
    return new QuantitySupervision(
        kind,
        average,
        variance > 0 ? Math.sqrt(variance) : 1,
        Arrays.stream(numbers).min().orElseThrow(),
        Arrays.stream(numbers).max().orElseThrow());
  }

  /**
   * Removes rare extreme outliers, such as data entry errors: one number a thousand times too large
   * would determine the scale of all others.
   */
  private static double[] withoutOutliers(double[] numbers) {
    double median = median(numbers);
    double deviation = median(Arrays.stream(numbers).map(n -> Math.abs(n - median)).toArray());
    double[] inliers =
        Arrays.stream(numbers)
            .filter(n -> Math.abs(n - median) <= OUTLIER_LIMIT * deviation)
            .toArray();
    // with more outliers than that, the distribution is heavy-tailed: keep all
    return numbers.length - inliers.length <= Math.max(1, numbers.length / OUTLIER_RARITY)
        ? inliers
        : numbers;
  }

  private static double median(double[] numbers) {
    double[] sorted = numbers.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  @Override
  public Supervision as(HeadInfo head) {
    Map<String, Double> known = head.verdict().numbers();
    return new QuantitySupervision(
        kind,
        known.getOrDefault(MEAN, 0.0),
        known.getOrDefault(SPREAD, 1.0),
        known.getOrDefault(KindAnswer.LEAST, Double.NEGATIVE_INFINITY),
        known.getOrDefault(KindAnswer.MOST, Double.POSITIVE_INFINITY));
  }

  private double number(Remembered sample) {
    return kind.onScale(sample.label());
  }

  @Override
  public Batch batch(List<Remembered> samples, List<String> labels, double balance) {
    List<float[]> features = samples.stream().map(Remembered::features).toList();
    List<float[]> rows =
        samples.stream().map(s -> new float[] {(float) ((number(s) - mean) / spread)}).toList();
    return new Batch(features, Leverage.weights(features), new Targets(Targets.Loss.SQUARED, rows));
  }

  @Override
  public int leftOutAtLeast() {
    return RESIDUALS;
  }

  /** Compares the losses; where no head is live, the candidate is compared with the mean. */
  @Override
  public Trial trial(Remembered sample, @Nullable HeadOutput live, HeadOutput candidate) {
    double gain =
        loss(sample, live == null ? MEAN_OUTPUT : live.logits()) - loss(sample, candidate.logits());
    String output = Kind.Quantity.OUTPUT;
    return new Trial(output, output, output, sample.weight(), gain);
  }

  /** Returns the capped squared error of a standardised output, for which 0 is the mean. */
  private double loss(Remembered sample, float[] output) {
    double residual = output[0] - (number(sample) - mean) / spread;
    return Math.min(1, residual * residual);
  }

  @Override
  public double temperature(
      List<Remembered> heldOut, List<float[]> outputs, Batch batch, int[] indexes) {
    return 1;
  }

  /**
   * Returns the prediction interval by split conformal prediction (Vovk et al. 2005; Lei et al.
   * 2018), and the confidence.
   *
   * <p>The interval uses out-of-fold residuals and the residuals of the served predictions for the
   * same records. Out-of-fold residuals alone are too optimistic: a served head is older than the
   * records it scores. The confidence uses out-of-fold residuals only, because it selects the label
   * requests.
   */
  @Override
  public Map<String, Double> figures(List<Remembered> heldOut, List<float[]> outputs) {
    int n = Math.min(RESIDUALS, heldOut.size());
    int from = heldOut.size() - n;
    double[] residuals = new double[n];
    double[] aroundMean = new double[n];
    for (int i = 0; i < n; i++) {
      double standardised = (number(heldOut.get(from + i)) - mean) / spread;
      residuals[i] = Math.abs(outputs.get(from + i)[0] - standardised);
      aroundMean[i] = Math.abs(standardised);
    }
    Map<String, Double> figures = new TreeMap<>();
    figures.put(MEAN, mean);
    figures.put(SPREAD, spread);
    figures.put(KindAnswer.LEAST, smallest);
    figures.put(KindAnswer.MOST, largest);
    if (n > 0) {
      double squares = Arrays.stream(residuals).map(r -> r * r).sum();
      figures.put("rmse", spread * Math.sqrt(squares / n));
    }
    OptionalDouble foldQuantile = quantile(residuals);
    OptionalDouble baseline = quantile(aroundMean);
    if (foldQuantile.isPresent() && baseline.isPresent()) { // else too few for this coverage
      DoubleStream served = servedResiduals(heldOut.subList(from, heldOut.size()));
      double halfWidth =
          quantile(DoubleStream.concat(Arrays.stream(residuals), served).toArray()).orElseThrow();
      double meanQuantile = baseline.getAsDouble();
      figures.put("coverage", Estimate.COVERAGE);
      figures.put(KindAnswer.HALF_WIDTH, spread * halfWidth);
      figures.put(
          KindAnswer.CONFIDENCE,
          meanQuantile > 0 ? Math.max(0, 1 - foldQuantile.getAsDouble() / meanQuantile) : 0);
    }
    return figures;
  }

  /** Returns the absolute residuals of the served predictions. */
  private DoubleStream servedResiduals(List<Remembered> samples) {
    return samples.stream()
        .filter(sample -> sample.predicted() != null)
        .mapToDouble(sample -> Math.abs(kind.onScale(sample.predicted()) - number(sample)) / spread)
        .filter(Double::isFinite); // a prediction on another scale may have no value on this one
  }

  /** Returns the conformal quantile of the distances; empty if there are too few of them. */
  private static OptionalDouble quantile(double[] distances) {
    int rank = (int) Math.ceil(Estimate.COVERAGE * (distances.length + 1));
    return rank <= distances.length
        ? OptionalDouble.of(Arrays.stream(distances).sorted().toArray()[rank - 1])
        : OptionalDouble.empty();
  }
}

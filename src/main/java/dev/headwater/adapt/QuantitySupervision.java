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
 * Each record has a number: squared error, in units of the numbers' own variance; to a gate at most
 * 1, in a fit growing as the error beyond it, so that no single record decides. Argued in
 * EXPERIMENTS.md.
 *
 * @param mean of the numbers on the head's scale
 * @param spread their standard deviation
 * @param least of them, on that scale
 * @param most of them
 */
record QuantitySupervision(
    Kind.Quantity kind, double mean, double spread, double least, double most)
    implements Supervision {
  private static final String MEAN = "mean";
  private static final String SPREAD = "spread";

  /** Newest residuals that make the interval: older ones are of what the stream was. */
  private static final int RESIDUALS = 100;

  /** Of the median distance from the median: of a normal distribution, 34 deviations. */
  private static final double SLIP = 50;

  /** One in so many is a slip. */
  private static final int RARE = 100;

  private static final float[] NOTHING_KNOWN = {0};

  /** Of numbers that nothing is known of yet. */
  QuantitySupervision(Kind.Quantity kind) {
    this(kind, 0, 1, Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
  }

  @Override
  public int leastLabels() {
    return 1;
  }

  @Override
  public Supervision over(List<Remembered> samples) {
    double[] numbers = within(samples.stream().mapToDouble(this::number).toArray());
    double average = Arrays.stream(numbers).average().orElseThrow();
    double variance =
        Arrays.stream(numbers).map(n -> (n - average) * (n - average)).average().orElseThrow();
    // numbers that are all the same have no spread, and need none
    return new QuantitySupervision(
        kind,
        average,
        variance > 0 ? Math.sqrt(variance) : 1,
        Arrays.stream(numbers).min().orElseThrow(),
        Arrays.stream(numbers).max().orElseThrow());
  }

  /**
   * Those that are not as far out as only a slip of the pen is: one number a thousand times too
   * large would be the scale of all others.
   */
  private static double[] within(double[] numbers) {
    double middle = median(numbers);
    double off = median(Arrays.stream(numbers).map(n -> Math.abs(n - middle)).toArray());
    double[] near =
        Arrays.stream(numbers).filter(n -> Math.abs(n - middle) <= SLIP * off).toArray();
    // where more are far out, it is how these numbers are
    return numbers.length - near.length <= Math.max(1, numbers.length / RARE) ? near : numbers;
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

  /** With no head live, against the mean. */
  @Override
  public Trial trial(Remembered sample, @Nullable Said live, Said candidate) {
    double gain =
        loss(sample, live == null ? NOTHING_KNOWN : live.logits())
            - loss(sample, candidate.logits());
    String about = Kind.Quantity.OUTPUT;
    return new Trial(about, about, about, sample.weight(), gain);
  }

  /** Outputs are on this scale: 0 is the mean. */
  private double loss(Remembered sample, float[] said) {
    double off = said[0] - (number(sample) - mean) / spread;
    return Math.min(1, off * off);
  }

  @Override
  public double temperature(
      List<Remembered> leftOut, List<float[]> said, Batch batch, int[] indexes) {
    return 1;
  }

  /**
   * The interval by split conformal prediction (Vovk et al. 2005; Lei et al. 2018), of what folds
   * left out and of what was told of the same records when they came: folds are no older than what
   * they are asked about, where a stream has gone on by the time a head tells anything. Confidence
   * is of the folds alone, for it decides who is asked.
   */
  @Override
  public Map<String, Double> figures(List<Remembered> leftOut, List<float[]> said) {
    int n = Math.min(RESIDUALS, leftOut.size());
    int from = leftOut.size() - n;
    double[] residuals = new double[n];
    double[] aroundMean = new double[n];
    for (int i = 0; i < n; i++) {
      double standard = (number(leftOut.get(from + i)) - mean) / spread;
      residuals[i] = Math.abs(said.get(from + i)[0] - standard);
      aroundMean[i] = Math.abs(standard);
    }
    Map<String, Double> figures = new TreeMap<>();
    figures.put(MEAN, mean);
    figures.put(SPREAD, spread);
    figures.put(KindAnswer.LEAST, least);
    figures.put(KindAnswer.MOST, most);
    if (n > 0) {
      double squares = Arrays.stream(residuals).map(r -> r * r).sum();
      figures.put("rmse", spread * Math.sqrt(squares / n));
    }
    OptionalDouble half = covering(residuals);
    OptionalDouble blind = covering(aroundMean);
    if (half.isPresent() && blind.isPresent()) { // fewer promise nothing at this coverage
      DoubleStream told = told(leftOut.subList(from, leftOut.size()));
      double wide =
          covering(DoubleStream.concat(Arrays.stream(residuals), told).toArray()).orElseThrow();
      double around = blind.getAsDouble();
      figures.put("coverage", Estimate.COVERAGE);
      figures.put(KindAnswer.HALF_WIDTH, spread * wide);
      figures.put(
          KindAnswer.CONFIDENCE, around > 0 ? Math.max(0, 1 - half.getAsDouble() / around) : 0);
    }
    return figures;
  }

  /** How far off what was told of these was. */
  private DoubleStream told(List<Remembered> samples) {
    return samples.stream()
        .filter(sample -> sample.predicted() != null)
        .mapToDouble(sample -> Math.abs(kind.onScale(sample.predicted()) - number(sample)) / spread)
        .filter(Double::isFinite); // what was told on another scale may have no place on this one
  }

  /** Which of these distances the promised share of all is within. */
  private static OptionalDouble covering(double[] distances) {
    int rank = (int) Math.ceil(Estimate.COVERAGE * (distances.length + 1));
    return rank <= distances.length
        ? OptionalDouble.of(Arrays.stream(distances).sorted().toArray()[rank - 1])
        : OptionalDouble.empty();
  }
}

package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.StreamSimulation.Choice;
import dev.headwater.adapt.StreamSimulation.Report;
import dev.headwater.scoring.Measure;
import dev.headwater.stream.selection.Selection;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Ways to choose what to label, at equal budgets, as rows of a table. A quarter of an hour of one
 * core, so it only runs when asked for: {@code mvn test -Dtest=SelectionComparison} with {@code
 * HEADWATER_DATA} set; {@code #gas} or {@code #clinc} after it for one stream.
 */
class SelectionComparison {
  private static final double AUDIT = 0.03;
  private static final double COPIES = 0.05;

  @ParameterizedTest
  @ValueSource(doubles = 0.2)
  void clinc(double share) throws Exception {
    compare("clinc", share, 3, Report::lastThree);
  }

  @ParameterizedTest
  @ValueSource(doubles = 0.2)
  void gas(double share) throws Exception {
    compare("gas", share, 8, Report::accuracy);
  }

  /**
   * @param share of all labels, audit included
   * @param seeds how many orders and audits
   */
  private static void compare(String name, double share, int seeds, ToDoubleFunction<Report> what)
      throws Exception {
    System.out.printf("%s, %.0f %% of labels%n", name, 100 * share);
    Map<String, Double> means = new LinkedHashMap<>();
    for (Map.Entry<String, LongFunction<Choice>> way : ways(share).entrySet()) {
      means.put(way.getKey(), row(name, way.getKey(), way.getValue(), seeds, what));
    }
    assertThat(means.get("max-probability"))
        .as("uncertainty against chance")
        .isGreaterThan(means.get("random"));
    assertThat(means.get("threshold and saved labels"))
        .as("which need not spend the whole budget, against chance")
        .isGreaterThan(means.get("random"));
  }

  /** Prints it; returns its mean of what counts. */
  static double row(
      String name, String label, LongFunction<Choice> way, int seeds, ToDoubleFunction<Report> what)
      throws Exception {
    List<Report> reports = new ArrayList<>();
    for (long seed = 0; seed < seeds; seed++) {
      reports.add(Streams.run(name, AUDIT, way.apply(seed), seed, 0));
    }
    System.out.printf(
        Locale.ROOT,
        "| %s | %s | %.4f | %.3f |%n",
        label,
        spread(reports, what),
        mean(reports, Report::accuracy),
        mean(reports, Report::labelShare));
    return mean(reports, what);
  }

  static Map<String, LongFunction<Choice>> ways(double share) {
    double own = (share - AUDIT) / (1 - AUDIT);
    Map<String, LongFunction<Choice>> ways = new LinkedHashMap<>();
    ways.put("random", seed -> Choices.random(own, seed));
    ways.put("core-set", seed -> Choices.coreSet(own));
    for (Measure measure : Measure.values()) {
      String label = measure.name().toLowerCase(Locale.ROOT).replace('_', '-');
      ways.put(label, seed -> Choices.least(measure, own, 0));
      ways.put(label + ", no copies", seed -> Choices.least(measure, own, COPIES));
    }
    ways.put("threshold and saved labels", seed -> Choices.of(saving(share, 0)));
    ways.put("the same, no copies", seed -> Choices.of(saving(share, COPIES)));
    return ways;
  }

  /** The defaults, a quarter of the budget in the burst. */
  private static Selection saving(double share, double nearDuplicateDistance) {
    int burst = (int) (3000 * share);
    return new Selection(
        AUDIT,
        0.95,
        Measure.MAX_PROBABILITY,
        nearDuplicateDistance,
        Optional.of(new Selection.Budget(0.75 * share, burst, 1000)));
  }

  private static double mean(List<Report> reports, ToDoubleFunction<Report> of) {
    return reports.stream().mapToDouble(of).average().orElseThrow();
  }

  /** Mean and standard deviation. */
  static String spread(List<Report> reports, ToDoubleFunction<Report> of) {
    double mean = mean(reports, of);
    double squares =
        reports.stream().mapToDouble(r -> Math.pow(of.applyAsDouble(r) - mean, 2)).sum();
    return reports.size() == 1
        ? String.format(Locale.ROOT, "%.4f", mean)
        : String.format(
            Locale.ROOT, "%.4f ± %.4f", mean, Math.sqrt(squares / (reports.size() - 1)));
  }
}

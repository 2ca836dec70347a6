package dev.headwater.gate;

import dev.headwater.schema.Verdict;
import dev.headwater.schema.Verdict.Cause;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Decides whether a candidate replaces the live head. A candidate is accepted if it is
 * significantly better, or if it has more labels and is not inferior. In both cases it must not
 * regress on the labels of the live head. The rule is explained in docs/design/gate.md. Stateless.
 *
 * <p>If no head is live, the candidate must beat the best constant prediction.
 */
public final class Gate {
  /** Quantile of the one-sided 95 % confidence bound of the non-inferiority test. */
  private static final double NON_INFERIORITY_Z = 1.645;

  private final GateSettings settings;
  private final Measure measure;

  public Gate(GateSettings settings) {
    this.settings = settings;
    this.measure = new Measure(settings);
  }

  /**
   * Returns a verdict that withdraws a live head, if it has proved worse than its parent; otherwise
   * empty.
   *
   * @param audit trials of audit samples. The test uses only these: low-confidence samples are
   *     biased, because a head is wrong more often on them than on the traffic
   * @param all all trials, weighted; they estimate the loss on the traffic
   * @param parent version whose predictions are {@link Trial#live}; the predictions of the head to
   *     withdraw are {@link Trial#candidate}
   */
  public Optional<Verdict> withdraws(List<Trial> audit, List<Trial> all, long parent) {
    return new Withdrawal(measure).judge(audit, all, parent);
  }

  /**
   * Checks a candidate that was adapted without labels against the available labels. It is rejected
   * if it is worse than the head it was adapted from.
   *
   * @param unlabelled the verdict without labels; returned as is if there are no trials
   * @param fresh trials of samples that neither head was trained on
   * @param learnt trials of samples that the other head was trained on, which favours that head;
   *     here the loss of a better head is tolerated
   */
  public Verdict hears(Verdict unlabelled, List<Trial> fresh, List<Trial> learnt) {
    List<Trial> trials = Stream.concat(fresh.stream(), learnt.stream()).toList();
    if (trials.isEmpty()) {
      return unlabelled;
    }
    Map<String, Double> numbers = numbers(trials, measure.compare(trials));
    numbers.putAll(unlabelled.numbers());
    Optional<String> loss =
        loss(fresh, 0).or(() -> loss(learnt, settings.classLoss() / 2)).map(measure::change);
    String reason =
        loss.map(
                change -> "worse on labelled samples (%s, n = %d)".formatted(change, trials.size()))
            .orElse(
                "%s; not worse on labelled samples (n = %d)"
                    .formatted(unlabelled.reason(), trials.size()));
    return loss.isPresent()
        ? verdict(Cause.WORSE_ON_KNOWN, reason, trials, numbers)
        : new Verdict(true, reason, trials.size(), numbers, unlabelled.cause());
  }

  /** Returns the gain if it is a significant loss beyond the tolerance. */
  private Optional<Double> loss(List<Trial> trials, double tolerance) {
    Comparison test = measure.compare(trials);
    return !trials.isEmpty() && test.pWorse() <= settings.errorRate() && test.gain() < -tolerance
        ? Optional.of(test.gain())
        : Optional.empty();
  }

  /** Returns the minimum number of samples to evaluate a candidate on. */
  public int trials() {
    return settings.trials();
  }

  /** Evaluates a candidate. Rejects an invalid candidate; never throws because of one. */
  public Verdict judge(Judged judged) {
    List<Trial> trials =
        judged.liveLabels().isEmpty() ? againstConstant(judged.trials()) : judged.trials();
    Comparison test = measure.compare(trials);
    Map<String, Double> numbers = numbers(trials, test);
    if (!judged.finite()) {
      return verdict(Cause.NOT_FINITE, "non-finite weight", trials, numbers);
    }
    if (judged.forgetsLabels()) {
      return verdict(Cause.LACKS_LABELS, "missing labels of the live head", trials, numbers);
    }
    if (trials.size() < settings.trials()) {
      return verdict(
          Cause.TOO_FEW_SAMPLES,
          "too few evaluation samples (%d, minimum %d)".formatted(trials.size(), settings.trials()),
          trials,
          numbers);
    }
    Group worst = worstGroup(judged, trials);
    numbers.put("worstClassGain", worst.gain());
    if (-worst.gain() > settings.classLoss()) {
      return verdict(
          Cause.CLASS_LOSS,
          "F1 loss on %s above the limit (%s, limit %s, n = %d)"
              .formatted(
                  worst.name(),
                  points(-worst.gain()),
                  points(settings.classLoss()),
                  worst.trials()),
          trials,
          numbers);
    }
    Optional<String> belowFloor = belowFloor(trials, numbers);
    if (belowFloor.isPresent()) {
      return verdict(Cause.BELOW_FLOOR, belowFloor.get(), trials, numbers);
    }
    return decide(judged, trials, test, numbers);
  }

  /** Returns a label below its recall floor, unless the candidate improves its recall. */
  private Optional<String> belowFloor(List<Trial> trials, Map<String, Double> numbers) {
    Optional<String> reason = Optional.empty();
    for (Map.Entry<String, Double> floor : new TreeMap<>(settings.recallFloor()).entrySet()) {
      String label = floor.getKey();
      List<Trial> group = trials.stream().filter(t -> t.label().equals(label)).toList();
      if (group.size() < settings.classTrials()) {
        continue;
      }
      double candidate = share(group, Trial::candidate);
      numbers.put("recall." + label, candidate);
      if (candidate < floor.getValue() && share(group, Trial::live) >= candidate) {
        reason =
            Optional.of(
                "recall of label %s below its floor (%s, floor %s, n = %d)"
                    .formatted(label, percent(candidate), percent(floor.getValue()), group.size()));
      }
    }
    return reason;
  }

  private Verdict decide(
      Judged judged, List<Trial> trials, Comparison test, Map<String, Double> numbers) {
    Comparison known = measure.compare(known(judged, trials));
    numbers.put("knownGain", known.gain());
    boolean better = test.gain() > 0 && test.pBetter() <= settings.errorRate();
    double tolerance = better ? settings.classLoss() / 2 : 0;
    if (known.pWorse() <= settings.errorRate() && known.gain() < -tolerance) {
      return verdict(
          Cause.WORSE_ON_KNOWN,
          "worse on labels of the live head (%s, %s)"
              .formatted(measure.change(known.gain()), p(known.pWorse())),
          trials,
          numbers);
    }
    if (better) {
      return verdict(Cause.BETTER, "significant gain " + evidence(trials, test), trials, numbers);
    }
    double pLikelihood = SignFlips.pGreater(trials.stream().map(Trial::surer).toList());
    double likelihoodGain = mean(trials, Trial::surer);
    numbers.put("pSurer", pLikelihood);
    numbers.put("surer", likelihoodGain);
    if (test.gain() >= 0 && likelihoodGain > 0 && pLikelihood <= settings.errorRate()) {
      return verdict(
          Cause.SURER,
          String.format(
              Locale.ROOT,
              "log-likelihood %+.3f nats, %s not worse",
              likelihoodGain,
              measure.metricName()),
          trials,
          numbers);
    }
    double lowerBound = test.gain() - NON_INFERIORITY_Z * test.standardError();
    if (winsNewLabels(judged, trials) && lowerBound >= -settings.margin()) {
      return verdict(
          Cause.KNOWS_MORE,
          "more labels, not inferior (95 %% bound %s, margin %s)"
              .formatted(measure.change(lowerBound), measure.change(-settings.margin())),
          trials,
          numbers);
    }
    return verdict(
        Cause.NOT_BETTER, "no significant gain " + evidence(trials, test), trials, numbers);
  }

  private static List<Trial> known(Judged judged, List<Trial> trials) {
    return trials.stream().filter(trial -> judged.liveLabels().contains(trial.label())).toList();
  }

  /** Returns whether the candidate wins at least one sample of a new label. */
  private static boolean winsNewLabels(Judged judged, List<Trial> trials) {
    return !judged.liveLabels().isEmpty()
        && trials.stream()
            .anyMatch(trial -> !judged.liveLabels().contains(trial.label()) && trial.gain() > 0);
  }

  /** Replaces the predictions of the live head with the best constant prediction. */
  private List<Trial> againstConstant(List<Trial> trials) {
    String constant = measure.bestConstant(trials);
    return trials.stream()
        .map(t -> new Trial(t.label(), constant, t.candidate(), t.weight()))
        .toList();
  }

  /** A label with enough trials, or all rarer labels together. */
  private record Group(String name, double gain, int trials) {}

  private Group worstGroup(Judged judged, List<Trial> trials) {
    Map<String, Long> counts =
        known(judged, trials).stream()
            .collect(Collectors.groupingBy(Trial::label, Collectors.counting()));
    Set<String> rare = new HashSet<>();
    List<Group> groups = new ArrayList<>();
    counts.forEach(
        (label, count) -> {
          if (count < settings.classTrials()) {
            rare.add(label);
          } else {
            groups.add(group("label " + label, Set.of(label), trials));
          }
        });
    Group pooled = group("the rarer labels combined", rare, trials);
    if (pooled.trials() >= settings.classTrials()) {
      groups.add(pooled);
    }
    return groups.stream()
        .min(Comparator.comparingDouble(Group::gain))
        .orElse(new Group("none", 0, 0));
  }

  private static Group group(String name, Set<String> labels, List<Trial> trials) {
    int size = (int) trials.stream().filter(trial -> labels.contains(trial.label())).count();
    double unweighted = f1Gain(labels, trials, trial -> 1);
    double weighted = f1Gain(labels, trials, Trial::weight);
    return new Group(name, Math.max(unweighted, weighted), size);
  }

  private static double f1Gain(
      Set<String> labels, List<Trial> trials, ToDoubleFunction<Trial> weight) {
    return f1(labels, trials, weight, Trial::candidate) - f1(labels, trials, weight, Trial::live);
  }

  /**
   * Returns the F1 (van Rijsbergen 1979) of these labels combined. Recall alone does not suffice: a
   * live head that drift makes predict one label for everything has perfect recall on that label,
   * so every better candidate would lose recall.
   */
  private static double f1(
      Set<String> labels,
      List<Trial> trials,
      ToDoubleFunction<Trial> weight,
      Function<Trial, @Nullable String> head) {
    double correct = 0;
    double counted = 0;
    for (Trial trial : trials) {
      String predicted = head.apply(trial);
      double sampleWeight = weight.applyAsDouble(trial);
      boolean isActual = labels.contains(trial.label());
      correct += isActual && trial.label().equals(predicted) ? sampleWeight : 0;
      counted += isActual ? sampleWeight : 0;
      counted += predicted != null && labels.contains(predicted) ? sampleWeight : 0;
    }
    return counted == 0 ? 0 : 2 * correct / counted;
  }

  private static Map<String, Double> numbers(List<Trial> trials, Comparison test) {
    Map<String, Double> numbers = new TreeMap<>();
    if (Trial.ofMasks(trials)) {
      numbers.put("liveIou", Overlap.live(trials));
      numbers.put("candidateIou", Overlap.candidate(trials));
      numbers.put("liveAccuracy", mean(trials, trial -> trial.masks().liveRight()));
      numbers.put("candidateAccuracy", mean(trials, trial -> trial.masks().right()));
    } else if (!trials.isEmpty() && trials.stream().noneMatch(Trial::graded)) {
      // graded predictions have no accuracy
      numbers.put("liveAccuracy", share(trials, Trial::live));
      numbers.put("candidateAccuracy", share(trials, Trial::candidate));
    }
    numbers.put("gain", test.gain());
    numbers.put("standardError", test.standardError());
    numbers.put("p", test.pBetter());
    numbers.put("discordant", (double) test.discordant());
    return numbers;
  }

  /** Returns the weighted fraction that a head predicts correctly. */
  private static double share(List<Trial> trials, Function<Trial, @Nullable String> head) {
    return mean(trials, trial -> trial.label().equals(head.apply(trial)) ? 1 : 0);
  }

  private static double mean(List<Trial> trials, ToDoubleFunction<Trial> of) {
    double sum = trials.stream().mapToDouble(t -> t.weight() * of.applyAsDouble(t)).sum();
    return sum / trials.stream().mapToDouble(Trial::weight).sum();
  }

  private static Verdict verdict(
      Cause cause, String reason, List<Trial> trials, Map<String, Double> numbers) {
    return Verdict.of(cause, reason, trials.size(), numbers);
  }

  private static String points(double share) {
    return String.format(Locale.ROOT, "%.1f pt", 100 * share);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private String evidence(List<Trial> trials, Comparison test) {
    return "(%s, %s, heads differ on %d of %d samples)"
        .formatted(
            measure.change(test.gain()), p(test.pBetter()), test.discordant(), trials.size());
  }

  /** Formats a p-value; below the precision shown, as an upper bound. */
  private static String p(double value) {
    return value < 0.005 ? "p < 0.01" : String.format(Locale.ROOT, "p = %.2f", value);
  }
}

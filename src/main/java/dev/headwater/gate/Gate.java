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
 * Judges a candidate against the live head. It passes if it is better, or knows more labels and is
 * surely not worse; and in either case keeps what the live head knows. The rule is argued in
 * RATIONALE.md. Stateless.
 *
 * <p>Where no head is live, the candidate must beat the best constant answer.
 */
public final class Gate {
  /** One-sided 95 %: how sure "surely not worse" is. */
  private static final double SURE = 1.645;

  private final GateSettings settings;
  private final Measure measure;

  public Gate(GateSettings settings) {
    this.settings = settings;
    this.measure = new Measure(settings);
  }

  /**
   * Says why a head that serves should no longer do so: it has proved worse than its parent. Empty
   * while it may stay.
   *
   * @param audit trials of samples drawn whatever any head said of them: only these prove anything,
   *     for among those a head was unsure about it is wrong more often than on the traffic
   * @param all these and the others, weighted: what the traffic loses
   * @param parent the version whose answers are the trials' {@link Trial#live}; those of the head
   *     in question are their candidate's
   */
  public Optional<Verdict> withdraws(List<Trial> audit, List<Trial> all, long parent) {
    return new Withdrawal(measure).judge(audit, all, parent);
  }

  /**
   * What labels say of a candidate that was made without any: it is refused where it is worse than
   * the head it was made from.
   *
   * @param unlabelled the verdict so far; it stands where there are no trials
   * @param fresh trials of samples that neither head was trained on
   * @param learnt of those the other was trained on, and is the better at: of these it may lose
   *     what a better head may
   */
  public Verdict hears(Verdict unlabelled, List<Trial> fresh, List<Trial> learnt) {
    List<Trial> trials = Stream.concat(fresh.stream(), learnt.stream()).toList();
    if (trials.isEmpty()) {
      return unlabelled;
    }
    Map<String, Double> numbers = numbers(trials, measure.compare(trials));
    numbers.putAll(unlabelled.numbers());
    Optional<String> against =
        loss(fresh, 0).or(() -> loss(learnt, settings.classLoss() / 2)).map(measure::amount);
    String reason =
        against
            .map(
                lost ->
                    "labels are against it: it loses %s on %d samples"
                        .formatted(lost, trials.size()))
            .orElse(unlabelled.reason() + "; the labels there are do not speak against it");
    return against.isPresent()
        ? verdict(Cause.WORSE_ON_KNOWN, reason, trials, numbers)
        : new Verdict(true, reason, trials.size(), numbers, unlabelled.cause());
  }

  /** What is surely lost, where that is more than may be. */
  private Optional<Double> loss(List<Trial> trials, double mayLose) {
    Comparison test = measure.compare(trials);
    return !trials.isEmpty() && test.pWorse() <= settings.errorRate() && test.gain() < -mayLose
        ? Optional.of(-test.gain())
        : Optional.empty();
  }

  /** How many samples a candidate has to be judged on; on fewer, none passes. */
  public int trials() {
    return settings.trials();
  }

  /** Never throws for what a candidate is or does: what cannot pass is refused with its reason. */
  public Verdict judge(Judged judged) {
    List<Trial> trials =
        judged.liveLabels().isEmpty() ? againstConstant(judged.trials()) : judged.trials();
    Comparison test = measure.compare(trials);
    Map<String, Double> numbers = numbers(trials, test);
    if (!judged.finite()) {
      return verdict(Cause.NOT_FINITE, "a weight is not finite", trials, numbers);
    }
    if (judged.forgetsLabels()) {
      return verdict(
          Cause.LACKS_LABELS, "it lacks labels that the live head knows", trials, numbers);
    }
    if (trials.size() < settings.trials()) {
      return verdict(
          Cause.TOO_FEW_SAMPLES,
          "%d judged samples are fewer than %d".formatted(trials.size(), settings.trials()),
          trials,
          numbers);
    }
    Group worst = worstGroup(judged, trials);
    numbers.put("worstClassGain", worst.gain());
    if (-worst.gain() > settings.classLoss()) {
      return verdict(
          Cause.CLASS_LOSS,
          "%s loses %s of F1 over %d judged samples, beyond the limit of %s"
              .formatted(
                  worst.name(),
                  points(-worst.gain()),
                  worst.trials(),
                  points(settings.classLoss())),
          trials,
          numbers);
    }
    Optional<String> missed = belowFloor(trials, numbers);
    if (missed.isPresent()) {
      return verdict(Cause.BELOW_FLOOR, missed.get(), trials, numbers);
    }
    return decide(judged, trials, test, numbers);
  }

  /** A label told too seldom, unless the candidate tells it more often than the live head. */
  private Optional<String> belowFloor(List<Trial> trials, Map<String, Double> numbers) {
    Optional<String> missed = Optional.empty();
    for (Map.Entry<String, Double> floor : new TreeMap<>(settings.recallFloor()).entrySet()) {
      String label = floor.getKey();
      List<Trial> group = trials.stream().filter(t -> t.label().equals(label)).toList();
      if (group.size() < settings.classTrials()) {
        continue;
      }
      double candidate = share(group, Trial::candidate);
      numbers.put("recall." + label, candidate);
      if (candidate < floor.getValue() && share(group, Trial::live) >= candidate) {
        missed =
            Optional.of(
                "label %s is recalled at %s, below its floor of %s"
                    .formatted(label, percent(candidate), percent(floor.getValue())));
      }
    }
    return missed;
  }

  private Verdict decide(
      Judged judged, List<Trial> trials, Comparison test, Map<String, Double> numbers) {
    Comparison known = measure.compare(known(judged, trials));
    numbers.put("knownGain", known.gain());
    boolean better = test.gain() > 0 && test.pBetter() <= settings.errorRate();
    double mayLose = better ? settings.classLoss() / 2 : 0;
    if (known.pWorse() <= settings.errorRate() && known.gain() < -mayLose) {
      return verdict(
          Cause.WORSE_ON_KNOWN,
          "it is worse by %s on the labels the live head knows"
              .formatted(measure.amount(-known.gain())),
          trials,
          numbers);
    }
    if (better) {
      return verdict(
          Cause.BETTER, "it is better by " + measure.amount(test.gain()), trials, numbers);
    }
    double pSurer = SignFlips.pGreater(trials.stream().map(Trial::surer).toList());
    double surer = mean(trials, Trial::surer);
    numbers.put("pSurer", pSurer);
    numbers.put("surer", surer);
    if (test.gain() >= 0 && surer > 0 && pSurer <= settings.errorRate()) {
      return verdict(
          Cause.SURER,
          String.format(Locale.ROOT, "it is surer of the truth by %.3f nats, and no worse", surer),
          trials,
          numbers);
    }
    double least = test.gain() - SURE * test.standardError();
    if (winsNewLabels(judged, trials) && least >= -settings.margin()) {
      return verdict(
          Cause.KNOWS_MORE,
          "it knows more labels and loses at most " + measure.amount(Math.max(0, -least)),
          trials,
          numbers);
    }
    return verdict(
        Cause.NOT_BETTER,
        "it is not shown to be better: %s with p = %.2f over %d samples on which the heads differ"
            .formatted(signed(test.gain()), test.pBetter(), test.discordant()),
        trials,
        numbers);
  }

  private static List<Trial> known(Judged judged, List<Trial> trials) {
    return trials.stream().filter(trial -> judged.liveLabels().contains(trial.label())).toList();
  }

  /** Naming more labels is not knowing them: one sample at least must be won by it. */
  private static boolean winsNewLabels(Judged judged, List<Trial> trials) {
    return !judged.liveLabels().isEmpty()
        && trials.stream()
            .anyMatch(trial -> !judged.liveLabels().contains(trial.label()) && trial.gain() > 0);
  }

  /** A stand-in for the live head that gives every sample the label that does best so. */
  private List<Trial> againstConstant(List<Trial> trials) {
    String constant = measure.bestConstant(trials);
    return trials.stream()
        .map(t -> new Trial(t.label(), constant, t.candidate(), t.weight()))
        .toList();
  }

  /** Labels with enough trials, or all the others together. */
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
    Group pooled = group("the rarer labels together", rare, trials);
    if (pooled.trials() >= settings.classTrials()) {
      groups.add(pooled);
    }
    return groups.stream()
        .min(Comparator.comparingDouble(Group::gain))
        .orElse(new Group("none", 0, 0));
  }

  private static Group group(String name, Set<String> labels, List<Trial> trials) {
    int size = (int) trials.stream().filter(trial -> labels.contains(trial.label())).count();
    double bare = f1Gain(labels, trials, trial -> 1);
    double weighted = f1Gain(labels, trials, Trial::weight);
    return new Group(name, Math.max(bare, weighted), size);
  }

  private static double f1Gain(
      Set<String> labels, List<Trial> trials, ToDoubleFunction<Trial> weight) {
    return f1(labels, trials, weight, Trial::candidate) - f1(labels, trials, weight, Trial::live);
  }

  /**
   * F1 (van Rijsbergen 1979) of these labels together, and not their recall alone: a head that
   * drift makes call everything a shirt has no shirt to lose.
   */
  private static double f1(
      Set<String> labels,
      List<Trial> trials,
      ToDoubleFunction<Trial> weight,
      Function<Trial, @Nullable String> head) {
    double right = 0;
    double named = 0;
    for (Trial trial : trials) {
      String said = head.apply(trial);
      double counts = weight.applyAsDouble(trial);
      boolean of = labels.contains(trial.label());
      right += of && trial.label().equals(said) ? counts : 0;
      named += of ? counts : 0;
      named += said != null && labels.contains(said) ? counts : 0;
    }
    return named == 0 ? 0 : 2 * right / named;
  }

  private static Map<String, Double> numbers(List<Trial> trials, Comparison test) {
    Map<String, Double> numbers = new TreeMap<>();
    if (Trial.ofMasks(trials)) {
      numbers.put("liveIou", Overlap.live(trials));
      numbers.put("candidateIou", Overlap.candidate(trials));
      numbers.put("liveAccuracy", mean(trials, trial -> trial.masks().liveRight()));
      numbers.put("candidateAccuracy", mean(trials, trial -> trial.masks().right()));
    } else if (!trials.isEmpty() && trials.stream().noneMatch(Trial::graded)) {
      // of answers that are better or worse, not right or wrong, there is no accuracy
      numbers.put("liveAccuracy", share(trials, Trial::live));
      numbers.put("candidateAccuracy", share(trials, Trial::candidate));
    }
    numbers.put("gain", test.gain());
    numbers.put("standardError", test.standardError());
    numbers.put("p", test.pBetter());
    numbers.put("discordant", (double) test.discordant());
    return numbers;
  }

  /** Of the traffic like this, that a head answers right. */
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
    return String.format(Locale.ROOT, "%.1f points", 100 * share);
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private String signed(double change) {
    return (change < 0 ? "-" : "+") + measure.amount(Math.abs(change));
  }
}

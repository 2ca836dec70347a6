package dev.headwater.replay.report;

import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Scored;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Counts what comes out of the pipeline against the truth. Records are named by their index in the
 * stream, from 0. Thread-safe: it is fed by the threads that send, label and collect.
 */
public final class Tally {
  private static final double NANOS = 1e9;

  private final List<@Nullable String> truths;
  private final LongSupplier nanoTime;
  private final BitSet outcomes = new BitSet();
  private final Set<String> delivered = new HashSet<>();
  private final Map<Reason, Set<String>> samples = new EnumMap<>(Reason.class);
  private final SortedMap<Long, Judged> judged = new TreeMap<>();
  private final SortedMap<Long, Integer> firstUnder = new TreeMap<>();
  private final Hits adaptive;
  private final Hits frozen;
  private final long[] arrivals = new long[Hits.WINDOW];
  private final double[] confidences = new double[Hits.WINDOW];
  private boolean compared;
  private int predictions;
  private int deadLetters;
  private int duplicates;
  private @Nullable Long headVersion;
  private @Nullable Long firstSent;

  private record Judged(HeadInfo info, int outcomes) {}

  /**
   * @param truths the true label of every record; null where it is not known
   */
  public Tally(List<@Nullable String> truths, LongSupplier nanoTime) {
    this.truths = truths;
    this.nanoTime = nanoTime;
    this.adaptive = new Hits(truths.size());
    this.frozen = new Hits(truths.size());
  }

  /** The first record is about to be sent. */
  public synchronized void started() {
    firstSent = nanoTime.getAsLong();
  }

  public synchronized void predicted(int index, Prediction prediction) {
    confidences[predictions % Hits.WINDOW] = prediction.confidence();
    predictions++;
    if (!outcome(index)) {
      return;
    }
    headVersion = prediction.label() == null ? null : prediction.headVersion();
    if (headVersion != null) {
      firstUnder.merge(prediction.headVersion(), index, Math::min);
    }
    Scored other = prediction.frozen();
    compared |= other != null;
    String truth = truths.get(index);
    if (truth != null) {
      adaptive.add(index, truth.equals(prediction.label()));
      frozen.add(index, other != null && truth.equals(other.label()));
    }
  }

  public synchronized void deadLettered(int index) {
    deadLetters++;
    outcome(index);
  }

  /** A label was sent for a record that asked for it; two with one id share their label. */
  public synchronized void delivered(String recordId) {
    delivered.add(recordId);
  }

  /** A labelled sample came; corrections of the same record count once. */
  public synchronized void sampled(String recordId, Reason reason) {
    samples.computeIfAbsent(reason, r -> new HashSet<>()).add(recordId);
  }

  public synchronized void judged(HeadInfo candidate) {
    judged.putIfAbsent(candidate.version(), new Judged(candidate, outcomes.cardinality()));
  }

  /** The first record without an outcome; the number of records where there is none. */
  public synchronized int firstMissing() {
    return outcomes.nextClearBit(0);
  }

  public synchronized Progress progress() {
    return new Progress(
        truths.size(),
        outcomes.cardinality(),
        deadLetters,
        duplicates,
        latestRate(),
        adaptive.rolling(),
        comparison().rolling(),
        meanConfidence(),
        sampleCount(Reason.UNSURE),
        sampleCount(Reason.AUDIT),
        delivered.size(),
        headVersion,
        versions(),
        List.copyOf(firstUnder.keySet()),
        adaptive.curve(),
        comparison().curve());
  }

  /**
   * @param finalHead where the last live head was exported, null where it was not
   */
  public synchronized ReplayReport report(@Nullable String finalHead) {
    int n = truths.size();
    return new ReplayReport(
        n,
        predictions,
        deadLetters,
        duplicates,
        new ReplayReport.Samples(sampleCount(Reason.UNSURE), sampleCount(Reason.AUDIT)),
        (double) delivered.size() / n,
        new ReplayReport.Comparison(adaptive.accuracy(), comparison().accuracy()),
        versions(),
        new ReplayReport.Throughput(overallRate()),
        finalHead);
  }

  /** Where nothing was compared, nothing: a frozen head that never spoke was not wrong. */
  private Hits comparison() {
    return compared ? frozen : new Hits(truths.size());
  }

  private boolean outcome(int index) {
    if (outcomes.get(index)) {
      duplicates++;
      return false;
    }
    arrivals[outcomes.cardinality() % Hits.WINDOW] = nanoTime.getAsLong();
    outcomes.set(index);
    return true;
  }

  private List<ReplayReport.Version> versions() {
    return judged.values().stream().map(this::version).toList();
  }

  private ReplayReport.Version version(Judged candidate) {
    HeadInfo info = candidate.info();
    return new ReplayReport.Version(
        info.version(),
        firstUnder.getOrDefault(info.version(), candidate.outcomes()),
        info.trigger(),
        info.device(),
        info.verdict().accepted() ? "accepted" : "refused",
        info.verdict().reason(),
        info.verdict().judged());
  }

  private int sampleCount(Reason reason) {
    return samples.getOrDefault(reason, Set.of()).size();
  }

  private double meanConfidence() {
    int n = Math.min(predictions, Hits.WINDOW);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += confidences[i];
    }
    return n == 0 ? 0 : sum / n;
  }

  private double latestRate() {
    int total = outcomes.cardinality();
    if (total <= Hits.WINDOW) {
      return overallRate();
    }
    return rate(Hits.WINDOW - 1, arrivals[total % Hits.WINDOW], lastArrival(total));
  }

  private double overallRate() {
    int total = outcomes.cardinality();
    return firstSent == null || total == 0 ? 0 : rate(total, firstSent, lastArrival(total));
  }

  private long lastArrival(int total) {
    return arrivals[(total - 1) % Hits.WINDOW];
  }

  private static double rate(int count, long from, long to) {
    return count * NANOS / Math.max(1, to - from);
  }
}

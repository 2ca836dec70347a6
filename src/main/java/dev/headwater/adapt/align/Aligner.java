package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Unsupervised domain adaptation of a linear head to the newest window of unlabelled samples.
 *
 * <ul>
 *   <li>A covariate shift that all classes share is corrected ({@link Recentring}).
 *   <li>A shift that changed class proportions explain needs no adaptation.
 *   <li>Otherwise, the window is clustered. If classes have shifted across a decision boundary, the
 *       head is trained on pseudo-labels from the clusters (self-training on class prototypes,
 *       SHOT: Liang et al. 2020), with L2-SP regularisation.
 * </ul>
 *
 * <p>The candidate is an ordinary head, so serving does not change.
 *
 * <p>Every alignment starts from the <i>anchor</i>, the last head supported by labels, so errors do
 * not accumulate. Only the class directions are carried from one window to the next. If they become
 * unreliable, they are reset to those of the source. If no alignment is possible, the result is the
 * anchor.
 *
 * <p><b>Risk.</b> Without labels the result cannot be verified: clusters do not identify classes.
 * Three cases are aligned wrongly and pass {@link Guard}: a class that moves to the former place of
 * another, classes that swap places between two windows, and a new class that resembles a known
 * one. The publisher checks candidates against the available labels and may reject them. Without
 * any, label some audit samples.
 *
 * <p>Deterministic. Memory is bounded by one window of samples. Not thread-safe.
 */
public final class Aligner {
  /** Minimum window size. Shorter windows adapt faster; many classes need more samples. */
  private static final int MIN_WINDOW = 150;

  private static final int WINDOW_PER_CLASS = 4;

  /** Fraction of a full window that suffices to estimate the mixture; some may be erased. */
  private static final double FULL_FRACTION = 0.9;

  /** Minimum samples before the first alignment and since the last label. */
  private static final int MIN_SAMPLES = 75;

  private static final int MIN_SAMPLES_PER_CLASS = 2;

  /** Alignments per full turnover of the window. */
  private static final int ALIGNMENTS_PER_WINDOW = 6;

  /** Added to the head's probabilities, which bounds the evidence against a class. */
  private static final double PROBABILITY_FLOOR = 1e-6;

  /** Fraction of a window on which both clusterings agree, below which carried directions reset. */
  private static final double MIN_CLUSTERING_AGREEMENT = 0.8;

  private final FineTuner tuner;
  private final Map<String, float[]> window = new LinkedHashMap<>();
  private LinearHead anchorHead;
  private SourceStatistics source;
  private SourceStatistics carriedStatistics;
  private Moves moves;
  private Recentring recentring;
  private int samplesSinceAlignment;
  private int samplesSinceLabel;

  /** Samples since the source window; a full window if the source came with the head. */
  private int samplesSinceSource;

  /**
   * @param anchorHead the last head supported by labels
   * @param source statistics of its training samples. If {@link SourceStatistics#none}, the first
   *     window that can be clustered replaces them
   */
  public Aligner(FineTuner tuner, LinearHead anchorHead, SourceStatistics source) {
    if (source.classes() != anchorHead.classes() || source.dim() != anchorHead.dim()) {
      throw new IllegalArgumentException(
          "source statistics of %d classes and %d features do not match a head of %d and %d"
              .formatted(source.classes(), source.dim(), anchorHead.classes(), anchorHead.dim()));
    }
    this.tuner = tuner;
    this.anchorHead = anchorHead;
    this.source = source;
    this.carriedStatistics = source;
    this.moves = Moves.none(anchorHead.classes());
    this.recentring = new Recentring(source.mixture());
    this.samplesSinceSource = source.mixture() == null ? 0 : capacity();
  }

  /** Restarts from another anchor and keeps the samples of the window. */
  public void anchor(LinearHead head, SourceStatistics statistics) {
    Aligner other = new Aligner(tuner, head, statistics);
    anchorHead = other.anchorHead;
    source = other.source;
    trim();
    recentring = other.recentring;
    adoptSource();
    samplesSinceSource = capacity(); // changes learned from labels are not a shift
    resetCarried();
  }

  /**
   * Returns the mixture of the window under a head; empty until the window is full. A head trained
   * on labels must store it in its statistics, otherwise it is lost on a restart.
   */
  public Optional<Mixture> mixture(LinearHead head) {
    if (!isFull(head)) {
      return Optional.empty();
    }
    List<float[]> samples = List.copyOf(window.values());
    return Optional.of(Mixture.of(samples, opinion(head, samples)));
  }

  /** Uses the first full window as the source if the head did not bring one. */
  private void adoptSource() {
    if (recentring.source().isEmpty()) {
      Optional<Mixture> current = mixture(anchorHead);
      current.ifPresent(recentring::begin);
      samplesSinceSource = 0;
    }
  }

  /** Adds a uniformly sampled unlabelled sample, in stream order. */
  public void add(String recordId, float[] features) {
    window.put(recordId, features);
    trim();
    adoptSource();
    samplesSinceAlignment++;
    samplesSinceLabel++;
    samplesSinceSource++;
  }

  /** Erases a record from the window. */
  public void erase(String recordId) {
    window.remove(recordId);
  }

  /** Records the arrival of a label, which postpones alignment: labels take precedence. */
  public void labelled() {
    samplesSinceLabel = 0;
  }

  /**
   * Returns whether no label has arrived recently and enough samples are new since the last
   * alignment.
   */
  public boolean due() {
    int minSamples = Math.max(MIN_SAMPLES, MIN_SAMPLES_PER_CLASS * anchorHead.classes());
    return anchorHead.classes() > 1
        && samplesSinceLabel >= minSamples
        && window.size() >= minSamples // samples may have been erased
        && samplesSinceAlignment >= Math.min(minSamples, capacity() / ALIGNMENTS_PER_WINDOW);
  }

  /**
   * Aligns the anchor with the window.
   *
   * @throws java.util.concurrent.CancellationException if the fine-tuner was cancelled
   */
  public Alignment align() {
    samplesSinceAlignment = 0;
    List<float[]> samples = List.copyOf(window.values());
    double[][] probabilities = opinion(anchorHead, samples);
    if (isFull(anchorHead)) {
      Optional<LinearHead> recentred =
          recentring.of(
              anchorHead,
              samples,
              probabilities,
              samplesSinceSource >= capacity() / ALIGNMENTS_PER_WINDOW);
      if (recentred.isPresent()) {
        resetCarried(); // a shared shift invalidates the carried class directions
      }
      if (recentred.isPresent() || recentring.explained()) {
        return new Alignment(recentred.orElse(anchorHead), source(), recentring.verdict());
      }
    }
    double[][] units = Directions.units(samples);
    Clustering informed =
        Clustering.of(units, withCarriedEvidence(units, probabilities), carriedStatistics);
    Guard guard = new Guard(probabilities, informed);
    if (!guard.agrees()) {
      resetCarried();
      return new Alignment(anchorHead, source(), guard.disagrees());
    }
    Clustering uninformed =
        Clustering.of(
            units, probabilities, SourceStatistics.none(anchorHead.classes(), anchorHead.dim()));
    int[] labels = agreedLabels(uninformed, informed);
    long agreeing = Arrays.stream(labels).filter(label -> label >= 0).count();
    carriedStatistics =
        agreeing < MIN_CLUSTERING_AGREEMENT * labels.length ? source : informed.statistics();
    if (!source.known()) {
      source = carriedStatistics;
    }
    moves = Moves.of(probabilities, labels, moves);
    if (moves.moved() == 0) {
      return new Alignment(anchorHead, source(), guard.still(moves));
    }
    LinearHead candidate =
        tuner.fit(anchorHead, anchorHead.classes(), pseudoLabelled(samples, labels, probabilities));
    Verdict verdict = guard.judge(candidate, samples, moves);
    return new Alignment(verdict.accepted() ? candidate : anchorHead, source(), verdict);
  }

  private SourceStatistics source() {
    return recentring.source().map(source::with).orElse(source);
  }

  /** Returns the label on which both clusterings agree, -1 if they differ. */
  private static int[] agreedLabels(Clustering one, Clustering other) {
    int[] labels = new int[one.shares().length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = one.label(i) == other.label(i) ? one.label(i) : -1;
    }
    return labels;
  }

  private void resetCarried() {
    carriedStatistics = source;
    moves = Moves.none(anchorHead.classes());
  }

  private void trim() {
    while (window.size() > capacity()) {
      window.remove(window.keySet().iterator().next());
    }
  }

  private boolean isFull(LinearHead head) {
    return window.size() >= FULL_FRACTION * capacity(head);
  }

  private int capacity() {
    return capacity(anchorHead);
  }

  private static int capacity(LinearHead head) {
    return Math.max(MIN_WINDOW, WINDOW_PER_CLASS * head.classes());
  }

  /** Returns the head's class probabilities, [samples][classes]. */
  static double[][] opinion(LinearHead head, List<float[]> samples) {
    double[][] probabilities = new double[samples.size()][head.classes()];
    for (int i = 0; i < probabilities.length; i++) {
      float[] logits = head.logits(samples.get(i));
      for (int c = 0; c < logits.length; c++) {
        probabilities[i][c] = logits[c];
      }
      Directions.softmax(probabilities[i]);
    }
    return probabilities;
  }

  /** Returns the anchor's probabilities, combined with the carried class directions. */
  private double[][] withCarriedEvidence(double[][] units, double[][] probabilities) {
    double[][] combined = new double[units.length][];
    for (int i = 0; i < units.length; i++) {
      combined[i] = Clustering.evidence(units[i], carriedStatistics);
      for (int c = 0; c < combined[i].length; c++) {
        combined[i][c] += Math.log(probabilities[i][c] + PROBABILITY_FLOOR);
      }
      Directions.softmax(combined[i]);
    }
    return combined;
  }

  /**
   * Returns the pseudo-labelled samples: those on which head and clusters agree, and those of class
   * shifts. A class with n samples has total weight √n.
   */
  private Batch pseudoLabelled(List<float[]> samples, int[] labels, double[][] probabilities) {
    List<float[]> features = new ArrayList<>();
    List<Integer> classes = new ArrayList<>();
    int[] counts = new int[anchorHead.classes()];
    for (int i = 0; i < labels.length; i++) {
      int head = Directions.best(probabilities[i]);
      if (labels[i] >= 0 && (labels[i] == head || moves.real()[head][labels[i]])) {
        features.add(samples.get(i));
        classes.add(labels[i]);
        counts[labels[i]]++;
      }
    }
    double[] weights = classes.stream().mapToDouble(c -> Math.pow(counts[c], -0.5)).toArray();
    double mean = Arrays.stream(weights).average().orElseThrow();
    for (int i = 0; i < weights.length; i++) {
      weights[i] /= mean;
    }
    return new Batch(features, classes.stream().mapToInt(Integer::intValue).toArray(), weights);
  }
}

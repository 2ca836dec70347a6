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
 * Follows a stream without a label. A shift that all classes share is undone, and one that other
 * proportions of theirs explain is left alone ({@link Recentring}); else what classes do by
 * themselves is followed: it sorts the newest unlabelled samples into clusters, finds which classes
 * have moved across a boundary of the head, and trains the head on what the clusters say
 * (self-training on class prototypes: Liang et al. 2020, SHOT; kept near the head it starts from).
 * The candidate is an ordinary head: serving is unchanged.
 *
 * <p>Every alignment starts from the <i>anchor</i>, the last head that labels support, so that
 * mistakes do not pile up from one alignment to the next; only where the classes were last seen is
 * carried on, and where that misleads it is forgotten for where they lay at the source. What cannot
 * be aligned goes back to the anchor.
 *
 * <p><b>Risk.</b> No label is read, so nothing here can know that it is right: clusters say what
 * lies together, not what it is called. A class that moves to where another one was, classes that
 * trade places between two windows, or a new class that looks like a known one in a body, are
 * followed wrongly and pass {@link Guard}. Labels that exist are asked by whoever publishes, and
 * may refuse; where none do, audit some.
 *
 * <p>Deterministic. Bounded: it holds one window of samples. Not thread-safe.
 */
public final class Aligner {
  /** Samples in a window: the shorter, the sooner it follows; per class where there are many. */
  private static final int WINDOW = 150;

  private static final int WINDOW_PER_CLASS = 4;

  /** Share of a window that tells how the classes lie together: some may have been erased. */
  private static final double ENOUGH = 0.9;

  /** Samples before the first alignment, and since the last label. */
  private static final int LEAST = 75;

  private static final int LEAST_PER_CLASS = 2;

  /** Alignments in the time it takes to renew a window. */
  private static final int PER_WINDOW = 6;

  /** Probability below which the head's doubt of a class no longer counts as proof against it. */
  private static final double DOUBT = 1e-6;

  /** Share of a window on which both clusterings agree, below which what was carried misleads. */
  private static final double CONSENT = 0.8;

  private final FineTuner tuner;
  private final Map<String, float[]> window = new LinkedHashMap<>();
  private LinearHead anchor;
  private SourceStatistics source;
  private SourceStatistics carried;
  private Moves moves;
  private Recentring recentring;
  private int fresh;
  private int quiet;

  /** Draws since the window that is the source; a window's where that came with the head. */
  private int sinceSource;

  /**
   * @param anchor the head that labels support
   * @param source of the samples it was trained on, or {@link SourceStatistics#none}: then those of
   *     the first window that can be told take its place
   */
  public Aligner(FineTuner tuner, LinearHead anchor, SourceStatistics source) {
    if (source.classes() != anchor.classes() || source.dim() != anchor.dim()) {
      throw new IllegalArgumentException(
          "source statistics of %d classes on %d features do not fit a head of %d on %d"
              .formatted(source.classes(), source.dim(), anchor.classes(), anchor.dim()));
    }
    this.tuner = tuner;
    this.anchor = anchor;
    this.source = source;
    this.carried = source;
    this.moves = Moves.none(anchor.classes());
    this.recentring = new Recentring(source.mixture());
    this.sinceSource = source.mixture() == null ? 0 : capacity();
  }

  /** Starts over from another head, on the samples of the window. */
  public void anchor(LinearHead head, SourceStatistics statistics) {
    Aligner other = new Aligner(tuner, head, statistics);
    anchor = other.anchor;
    source = other.source;
    trim();
    recentring = other.recentring;
    witness();
    sinceSource = capacity(); // what labels taught it is no shift
    forget();
  }

  /**
   * How a head's classes lie together in the window now; empty while that is not full. Who makes a
   * head of labels writes it into its statistics, or nobody could tell after a restart.
   */
  public Optional<Mixture> mixture(LinearHead head) {
    if (!full(head)) {
      return Optional.empty();
    }
    List<float[]> samples = List.copyOf(window.values());
    return Optional.of(Mixture.of(samples, opinion(head, samples)));
  }

  /** Of a head that brings none, the first full window is the source, whenever it is asked. */
  private void witness() {
    if (recentring.source().isEmpty()) {
      Optional<Mixture> now = mixture(anchor);
      now.ifPresent(recentring::begin);
      sinceSource = 0;
    }
  }

  /** Takes in an unlabelled sample of a uniform draw, in the stream's order. */
  public void add(String recordId, float[] features) {
    window.put(recordId, features);
    trim();
    witness();
    fresh++;
    quiet++;
    sinceSource++;
  }

  /** Forgets a record. */
  public void erase(String recordId) {
    window.remove(recordId);
  }

  /** A label has come: while they do, it is theirs to teach. */
  public void labelled() {
    quiet = 0;
  }

  /**
   * Whether no label has come of late, and there is enough that the last alignment has not seen.
   */
  public boolean due() {
    int least = Math.max(LEAST, LEAST_PER_CLASS * anchor.classes());
    return anchor.classes() > 1
        && quiet >= least
        && window.size() >= least // of what came, some may have been erased
        && fresh >= Math.min(least, capacity() / PER_WINDOW);
  }

  /**
   * Aligns the anchor with the window.
   *
   * @throws java.util.concurrent.CancellationException where the fine-tuner was cancelled
   */
  public Alignment align() {
    fresh = 0;
    List<float[]> samples = List.copyOf(window.values());
    double[][] opinion = opinion(anchor, samples);
    if (full(anchor)) {
      Optional<LinearHead> recentred =
          recentring.of(anchor, samples, opinion, sinceSource >= capacity() / PER_WINDOW);
      if (recentred.isPresent()) {
        forget(); // where all moved together, none is followed by itself
      }
      if (recentred.isPresent() || recentring.explained()) {
        return new Alignment(recentred.orElse(anchor), source(), recentring.verdict());
      }
    }
    double[][] units = Directions.units(samples);
    Clustering followed = Clustering.of(units, followed(units, opinion), carried);
    Guard guard = new Guard(opinion, followed);
    if (!guard.agrees()) {
      forget();
      return new Alignment(anchor, source(), guard.disagrees());
    }
    Clustering alone =
        Clustering.of(units, opinion, SourceStatistics.none(anchor.classes(), anchor.dim()));
    int[] labels = agreed(alone, followed);
    long both = Arrays.stream(labels).filter(label -> label >= 0).count();
    carried = both < CONSENT * labels.length ? source : followed.statistics();
    if (!source.known()) {
      source = carried;
    }
    moves = Moves.of(opinion, labels, moves);
    if (moves.moved() == 0) {
      return new Alignment(anchor, source(), guard.still(moves));
    }
    LinearHead candidate = tuner.fit(anchor, anchor.classes(), trusted(samples, labels, opinion));
    Verdict verdict = guard.judge(candidate, samples, moves);
    return new Alignment(verdict.accepted() ? candidate : anchor, source(), verdict);
  }

  private SourceStatistics source() {
    return recentring.source().map(source::with).orElse(source);
  }

  /** The label both give a sample, -1 where they differ. */
  private static int[] agreed(Clustering one, Clustering other) {
    int[] labels = new int[one.shares().length];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = one.label(i) == other.label(i) ? one.label(i) : -1;
    }
    return labels;
  }

  private void forget() {
    carried = source;
    moves = Moves.none(anchor.classes());
  }

  private void trim() {
    while (window.size() > capacity()) {
      window.remove(window.keySet().iterator().next());
    }
  }

  private boolean full(LinearHead head) {
    return window.size() >= ENOUGH * capacity(head);
  }

  private int capacity() {
    return capacity(anchor);
  }

  private static int capacity(LinearHead head) {
    return Math.max(WINDOW, WINDOW_PER_CLASS * head.classes());
  }

  /** What a head says of samples. */
  static double[][] opinion(LinearHead head, List<float[]> samples) {
    double[][] opinion = new double[samples.size()][head.classes()];
    for (int i = 0; i < opinion.length; i++) {
      float[] logits = head.logits(samples.get(i));
      for (int c = 0; c < logits.length; c++) {
        opinion[i][c] = logits[c];
      }
      Directions.softmax(opinion[i]);
    }
    return opinion;
  }

  /** The anchor's opinion in the light of where the classes were last seen. */
  private double[][] followed(double[][] units, double[][] opinion) {
    double[][] both = new double[units.length][];
    for (int i = 0; i < units.length; i++) {
      both[i] = Clustering.evidence(units[i], carried);
      for (int c = 0; c < both[i].length; c++) {
        both[i][c] += Math.log(opinion[i][c] + DOUBT);
      }
      Directions.softmax(both[i]);
    }
    return both;
  }

  /** What head and clusters agree on, and the moves that are real; a class of n counts as √n. */
  private Batch trusted(List<float[]> samples, int[] labels, double[][] opinion) {
    List<float[]> features = new ArrayList<>();
    List<Integer> classes = new ArrayList<>();
    int[] counts = new int[anchor.classes()];
    for (int i = 0; i < labels.length; i++) {
      int head = Directions.best(opinion[i]);
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

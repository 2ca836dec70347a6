package dev.headwater.scoring;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Scored;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The output of the live head for one record and task.
 *
 * @param head the head that predicted it; empty in a cold start
 * @param probabilities probabilities by label index; empty in a cold start and for dense tasks
 * @param frozen prediction of the frozen head; null unless the comparison is on
 * @param pixels segmentation of a dense task; null for other tasks
 * @param frozenPixels segmentation of the frozen head; null unless the comparison is on
 * @param answer output of a multi-label or regression task; null for other tasks
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Scores(
    Optional<HeadInfo> head,
    float[] probabilities,
    @Nullable Scored frozen,
    @Nullable Segmentation pixels,
    @Nullable Segmentation frozenPixels,
    @Nullable KindAnswer answer) {
  static Scores of(Kind kind, Logits live, @Nullable Logits frozen) {
    if (kind instanceof Kind.Quantity quantity) {
      return estimate(quantity, live, frozen);
    }
    return kind instanceof Kind.LabelSet ? multiLabel(live, frozen) : singleLabel(live, frozen);
  }

  private static Scores singleLabel(Logits live, @Nullable Logits frozen) {
    float[] probabilities = live.probabilities();
    Scored best = null;
    if (frozen != null) {
      best = best(frozen.head(), frozen == live ? probabilities : frozen.probabilities());
    }
    return new Scores(Optional.of(live.head()), probabilities, best, null, null, null);
  }

  private static Scores multiLabel(Logits live, @Nullable Logits frozen) {
    KindAnswer labels = KindAnswer.set(live);
    Scored baseline = frozen == null ? null : KindAnswer.set(frozen).best();
    return new Scores(Optional.of(live.head()), live.sigmoids(), baseline, null, null, labels);
  }

  private static Scores estimate(Kind.Quantity kind, Logits live, @Nullable Logits frozen) {
    KindAnswer current = KindAnswer.estimate(kind, live);
    KindAnswer baseline = frozen == null ? null : KindAnswer.estimate(kind, frozen);
    return new Scores(
        Optional.of(live.head()),
        new float[0],
        null,
        null,
        null,
        new KindAnswer(
            current.confidence(),
            null,
            current.estimate(),
            baseline == null ? null : baseline.estimate()));
  }

  static Scores dense(Logits live, @Nullable Logits frozen) {
    Segmentation pixels = Segmentation.of(live);
    return new Scores(
        Optional.of(live.head()),
        new float[0],
        null,
        pixels,
        frozen == null ? null : frozen == live ? pixels : Segmentation.of(frozen),
        null);
  }

  static Scores none() {
    return new Scores(Optional.empty(), new float[0], null, null, null, null);
  }

  /** Returns the prediction in the text form of a label; an empty label in a cold start. */
  public Scored best() {
    if (answer != null) {
      return answer.best();
    }
    return head.map(h -> best(h, probabilities)).orElse(new Scored("", 0));
  }

  /** Returns the confidence by this measure, in [0, 1]; 0 in a cold start. */
  public double confidence(Measure measure) {
    if (pixels != null) {
      return pixels.confidence(measure);
    }
    if (answer != null) {
      return answer.labels() == null
          ? answer.confidence()
          : KindAnswer.least(probabilities, measure);
    }
    return head.isEmpty() ? 0 : measure.confidence(probabilities);
  }

  private static Scored best(HeadInfo head, float[] probabilities) {
    return top(head, probabilities, 1).get(0);
  }

  /**
   * Returns the most probable labels, best first, at most {@code k}; empty in a cold start and for
   * dense tasks.
   */
  public List<Scored> top(int k) {
    return head.map(h -> top(h, probabilities, k)).orElse(List.of());
  }

  private static List<Scored> top(HeadInfo head, float[] probabilities, int k) {
    int size = Math.min(k, probabilities.length);
    int[] best = new int[size];
    int filled = 0;
    for (int i = 0; i < probabilities.length; i++) {
      int at = filled;
      while (at > 0 && probabilities[i] > probabilities[best[at - 1]]) {
        at--;
      }
      if (at < size) {
        filled = Math.min(size, filled + 1);
        System.arraycopy(best, at, best, at + 1, filled - at - 1);
        best[at] = i;
      }
    }
    List<Scored> top = new ArrayList<>(size);
    for (int i : best) {
      top.add(new Scored(head.labels().get(i), probabilities[i]));
    }
    return top;
  }
}

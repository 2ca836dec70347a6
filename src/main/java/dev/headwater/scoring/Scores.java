package dev.headwater.scoring;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Scored;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the live head says of one record.
 *
 * @param head the head that said it; empty while none is live (a cold start)
 * @param probabilities by index of the head's labels; empty while none is live, and of a dense task
 * @param frozen what the head that never learns says, where comparison is on
 * @param pixels what the live head says of each pixel, null but for a dense task
 * @param frozenPixels likewise of the head that never learns
 * @param answer in the words of a task that does not tell one label; null where it does
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
    return kind instanceof Kind.LabelSet ? set(live, frozen) : one(live, frozen);
  }

  private static Scores one(Logits live, @Nullable Logits frozen) {
    float[] probabilities = live.probabilities();
    Scored best = null;
    if (frozen != null) {
      float[] other = frozen == live ? probabilities : frozen.probabilities();
      best = best(frozen.head(), other);
    }
    return new Scores(Optional.of(live.head()), probabilities, best, null, null, null);
  }

  private static Scores set(Logits live, @Nullable Logits frozen) {
    KindAnswer said = KindAnswer.set(live);
    Scored then = frozen == null ? null : KindAnswer.set(frozen).said();
    return new Scores(Optional.of(live.head()), live.sigmoids(), then, null, null, said);
  }

  private static Scores estimate(Kind.Quantity kind, Logits live, @Nullable Logits frozen) {
    KindAnswer now = KindAnswer.estimate(kind, live);
    KindAnswer then = frozen == null ? null : KindAnswer.estimate(kind, frozen);
    return new Scores(
        Optional.of(live.head()),
        new float[0],
        null,
        null,
        null,
        new KindAnswer(
            now.confidence(), null, now.estimate(), then == null ? null : then.estimate()));
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

  /** The answer as a label's text; in a cold start the empty label, which no head has, at 0. */
  public Scored best() {
    if (answer != null) {
      return answer.said();
    }
    return head.map(h -> best(h, probabilities)).orElse(new Scored("", 0));
  }

  /** How sure it is, in [0, 1]; 0 in a cold start. */
  public double certainty(Measure measure) {
    if (pixels != null) {
      return pixels.certainty(measure);
    }
    if (answer != null) {
      return answer.labels() == null
          ? answer.confidence()
          : KindAnswer.least(probabilities, measure);
    }
    return head.isEmpty() ? 0 : measure.certainty(probabilities);
  }

  private static Scored best(HeadInfo head, float[] probabilities) {
    return top(head, probabilities, 1).get(0);
  }

  /**
   * The most probable labels, best first, at most {@code k}; none in a cold start, nor of a dense
   * task.
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

package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Trial;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Scored;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** How a task's labels become something to fit, and two heads' answers something to judge by. */
sealed interface Supervision permits LabelSupervision, LabelSetSupervision, QuantitySupervision {

  /**
   * What a head said of one record.
   *
   * @param labels of the head, by output index
   * @param logits as many
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Said(List<String> labels, float[] logits) {}

  static Supervision of(Kind kind) {
    if (kind instanceof Kind.Quantity quantity) {
      return new QuantitySupervision(quantity);
    }
    return kind instanceof Kind.LabelSet set
        ? new LabelSetSupervision(set)
        : new LabelSupervision();
  }

  /** Where each label is, for who looks up that of every sample. */
  static Map<String, Integer> index(List<String> labels) {
    Map<String, Integer> index = new HashMap<>();
    for (int i = 0; i < labels.size(); i++) {
      index.putIfAbsent(labels.get(i), i);
    }
    return index;
  }

  /** Least number of labels that are worth a training. */
  int leastLabels();

  /** This, for outputs on a scale of these samples' own: {@link #mean} and {@link #spread}. */
  default Supervision over(List<Remembered> samples) {
    return this;
  }

  /** This, for outputs as this head gives them. */
  default Supervision as(HeadInfo head) {
    return this;
  }

  /** What an output of 0 means, and one of 1 beyond it. */
  default double mean() {
    return 0;
  }

  default double spread() {
    return 1;
  }

  /** A head that gives what labels mean, on the scale of {@link #mean} and {@link #spread}. */
  default Fitter.Trained scaled(Fitter.Trained head) {
    return head.scaled(1 / spread(), -mean() / spread());
  }

  /**
   * @param labels by output index
   * @param balance a sample of a label seen n times counts n^-balance
   */
  Batch batch(List<Remembered> samples, List<String> labels, double balance);

  /** Whether samples that the live head trained on are left out by folds as well. */
  default int leftOutAtLeast() {
    return 0;
  }

  /**
   * The answer that a head's logits mean, as the text of a label, and how sure it is; empty where
   * answers are not right or wrong.
   */
  default Optional<Scored> answer(Said said) {
    return Optional.empty();
  }

  /**
   * @param live null where none is
   */
  Trial trial(Remembered sample, @Nullable Said live, Said candidate);

  /** What makes confidences of what was said of samples left out mean what they say; 1 for none. */
  double temperature(List<Remembered> leftOut, List<float[]> said, Batch batch, int[] indexes);

  /**
   * Figures that travel with the head.
   *
   * @param leftOut in the order they came
   * @param said of these, by heads that did not train on them
   */
  default Map<String, Double> figures(List<Remembered> leftOut, List<float[]> said) {
    return Map.of();
  }
}

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

/** Turns the labels of a task into training targets, and the outputs of two heads into trials. */
sealed interface Supervision permits LabelSupervision, LabelSetSupervision, QuantitySupervision {

  /**
   * The output of a head for one record.
   *
   * @param labels labels of the head, by output index
   * @param logits one per label
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record HeadOutput(List<String> labels, float[] logits) {}

  static Supervision of(Kind kind) {
    if (kind instanceof Kind.Quantity quantity) {
      return new QuantitySupervision(quantity);
    }
    return kind instanceof Kind.LabelSet set
        ? new LabelSetSupervision(set)
        : new LabelSupervision();
  }

  /** Returns the index of each label. */
  static Map<String, Integer> index(List<String> labels) {
    Map<String, Integer> index = new HashMap<>();
    for (int i = 0; i < labels.size(); i++) {
      index.putIfAbsent(labels.get(i), i);
    }
    return index;
  }

  /** Returns the minimum number of labels for training. */
  int leastLabels();

  /** Returns a supervision that standardises outputs by the labels of these samples. */
  default Supervision over(List<Remembered> samples) {
    return this;
  }

  /** Returns a supervision that standardises outputs as for this head. */
  default Supervision as(HeadInfo head) {
    return this;
  }

  /** Returns the label value of a standardised output of 0. */
  default double mean() {
    return 0;
  }

  /** Returns the difference in label value per unit of standardised output. */
  default double spread() {
    return 1;
  }

  /** Standardises the output of a served head, with {@link #mean} and {@link #spread}. */
  default Fitter.Trained scaled(Fitter.Trained head) {
    return head.scaled(1 / spread(), -mean() / spread());
  }

  /**
   * Returns the training batch.
   *
   * @param labels labels by output index
   * @param balance class balance: a sample of a label seen n times weighs n^-balance
   */
  Batch batch(List<Remembered> samples, List<String> labels, double balance);

  /**
   * Returns the minimum number of newest samples that folds hold out, even where the live head was
   * trained on them.
   */
  default int leftOutAtLeast() {
    return 0;
  }

  /**
   * Returns the prediction for a head's output, as label text with its confidence; empty where
   * predictions are not simply correct or wrong.
   */
  default Optional<Scored> answer(HeadOutput output) {
    return Optional.empty();
  }

  /**
   * Compares two heads on a sample.
   *
   * @param live output of the live head; null if there is none
   */
  Trial trial(Remembered sample, @Nullable HeadOutput live, HeadOutput candidate);

  /**
   * Fits the temperature on held-out samples; 1 leaves the logits as they are.
   *
   * @param logits out-of-fold logits of the held-out samples
   * @param indexes of the held-out samples in the batch
   */
  double temperature(List<Remembered> heldOut, List<float[]> logits, Batch batch, int[] indexes);

  /**
   * Returns numbers to store with the head's verdict.
   *
   * @param heldOut held-out samples in order of arrival
   * @param logits their out-of-fold logits
   */
  default Map<String, Double> figures(List<Remembered> heldOut, List<float[]> logits) {
    return Map.of();
  }
}

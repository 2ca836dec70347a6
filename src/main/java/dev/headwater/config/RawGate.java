package dev.headwater.config;

import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.util.Map;

/** Acceptance criteria for candidate heads. */
public interface RawGate {
  /**
   * Significance level of the gate's tests, greater than 0 and less than 0.5. It bounds how often
   * each of the two tests, of accuracy and of likelihood, accepts a candidate that is not better
   * than the live head.
   */
  @WithDefault("0.15")
  @WithConverter(Converters.Share.class)
  double significanceLevel();

  /**
   * Weighted accuracy that a candidate with additional labels may lose, 0 to less than 1. The
   * candidate is rejected if it is significantly worse and loses more.
   */
  @WithDefault("0.005")
  @WithConverter(Converters.Share.class)
  double margin();

  /**
   * Maximum loss of F1 per label, 0 to 1. It applies to labels with at least {@code
   * gate.class-min-samples} judged samples; the previously known labels together may lose half of
   * it.
   */
  @WithDefault("0.1")
  @WithConverter(Converters.Share.class)
  double classLoss();

  /**
   * Judged samples from which a label is tested on its own, at least 1. Labels with fewer are
   * tested together.
   */
  @WithDefault("20")
  @WithConverter(Converters.Positive.class)
  int classMinSamples();

  /** Minimum number of judged samples for accepting a candidate, at least 1. */
  @WithDefault("10")
  @WithConverter(Converters.Positive.class)
  int minSamples();

  /**
   * Metric to improve: {@code accuracy}, {@code macro-f1} (every label has equal weight), or {@code
   * cost} (by {@code gate.costs}). {@code macro-f1} and {@code cost} apply to single-label
   * classification only.
   */
  @WithDefault("accuracy")
  dev.headwater.gate.Metric metric();

  /**
   * Cost of an error by {@code truth>predicted}, at least 0; for example {@code "fraud>ok": 50}.
   * Errors not listed cost 1. Valid only with {@code metric: cost}; none by default.
   */
  Map<String, Double> costs();

  /**
   * Minimum recall by label, 0 to 1, for single-label classification. A candidate below it is
   * rejected unless its recall of that label exceeds that of the live head. None by default.
   */
  Map<String, Double> recallFloor();
}

package dev.headwater.config;

import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Training of candidate heads. */
public interface RawAdapt {
  /**
   * Training device: {@code auto}, {@code cpu} or {@code cuda:N}. {@code auto} selects the first
   * GPU if there is one.
   */
  @WithDefault("auto")
  String device();

  /** CPU cores that training may use, at least 1. */
  @WithDefault("1")
  @WithConverter(Converters.Positive.class)
  int threads();

  /**
   * New samples that trigger a training, at least 1; for masks, new tiles. {@code
   * adapt.trigger-growth} must be reached as well.
   */
  @WithDefault("10")
  @WithConverter(Converters.Positive.class)
  int triggerSamples();

  /**
   * New samples that trigger a training, as a fraction of the memory, 0 to 1. It keeps the training
   * cost proportional to the data; {@code adapt.trigger-samples} must be reached as well.
   */
  @WithDefault("0.015")
  @WithConverter(Converters.Share.class)
  double triggerGrowth();

  /** Time after which any new sample triggers a training, at least {@code 1ms}. */
  @WithDefault("10m")
  @WithConverter(Converters.Time.class)
  Duration triggerInterval();

  /**
   * Maximum number of samples kept for training, at least 10. When it is full, the oldest sample of
   * the most frequent label is dropped.
   */
  @WithDefault("10000")
  @WithConverter(Converters.Positive.class)
  int memory();

  /**
   * Cross-fitting folds of the judged samples, 2 to 50. Each fold is scored by a head that was not
   * trained on it. Heads with several layers use two folds, unless they are dense.
   */
  @WithDefault("4")
  @WithConverter(Converters.Positive.class)
  int folds();

  /**
   * Exponent of the class weights, 0 to 1. A sample of a label with n samples has the weight
   * n^-balance; {@code 0} weights all samples equally.
   */
  @WithDefault("0.5")
  @WithConverter(Converters.Share.class)
  double balance();

  /**
   * Whether heads follow shifts and moving classes without labels. The only evidence is how the
   * unlabelled samples cluster, so the adaptation can do harm
   * (docs/explanation/domain-adaptation.md).
   */
  @WithDefault("false")
  @WithConverter(Converters.Flag.class)
  boolean alignUnlabelled();

  /**
   * Strength of the L2-SP regularisation towards the live head, greater than 0. For linear heads,
   * the unit is the inverse variance of the live head's weights (L2-SP: Li et al. 2018).
   */
  @WithDefault("0.02")
  @WithConverter(Converters.Rate.class)
  double l2Sp();

  /** Maximum optimiser iterations for a linear head, at least 1. */
  @WithDefault("25")
  @WithConverter(Converters.Positive.class)
  int iterations();

  /** Minibatches per training for a head with several layers, at least 1. */
  @WithDefault("35")
  @WithConverter(Converters.Positive.class)
  int tailSteps();

  /** Time the trainer thread gets to stop at shutdown, at least {@code 1ms}. */
  @WithDefault("30s")
  @WithConverter(Converters.Time.class)
  Duration closeTimeout();

  /**
   * How an accepted head becomes the live head: {@code automatic}, or {@code manual} by {@code
   * heads approve}.
   */
  @WithDefault("automatic")
  dev.headwater.adapt.AdaptSettings.Promotion promotion();
}

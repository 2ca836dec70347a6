package dev.headwater.config;

import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** How heads are fine-tuned. */
public interface RawAdapt {
  /** auto, cpu or cuda:N. */
  @WithDefault("auto")
  String device();

  /** Cores that training may use. */
  @WithDefault("1")
  @WithConverter(Converters.Positive.class)
  int threads();

  /** New samples that set off a training. */
  @WithDefault("10")
  @WithConverter(Converters.Positive.class)
  int samples();

  /** Share of the memory that they must amount to as well. */
  @WithDefault("0.015")
  @WithConverter(Converters.Share.class)
  double growth();

  /** After which any new sample sets off a training. */
  @WithDefault("10m")
  @WithConverter(Converters.Time.class)
  Duration interval();

  /** Samples kept to train on. */
  @WithDefault("10000")
  @WithConverter(Converters.Positive.class)
  int memory();

  @WithDefault("4")
  @WithConverter(Converters.Positive.class)
  int folds();

  /** A sample of a label seen n times counts n^-balance. */
  @WithDefault("0.5")
  @WithConverter(Converters.Share.class)
  double balance();

  /** Whether heads follow moving classes while no labels come. */
  @WithDefault("false")
  @WithConverter(Converters.Flag.class)
  boolean alignUnlabelled();

  /** Strength of the pull towards the live head. */
  @WithDefault("0.02")
  @WithConverter(Converters.Rate.class)
  double pull();

  @WithDefault("25")
  @WithConverter(Converters.Positive.class)
  int iterations();

  /** Minibatches of a training where the head has several layers. */
  @WithDefault("35")
  @WithConverter(Converters.Positive.class)
  int tailSteps();

  @WithDefault("30s")
  @WithConverter(Converters.Time.class)
  Duration closeTimeout();

  /** Whether an accepted head goes live at once, or waits for {@code heads approve}. */
  @WithDefault("automatic")
  dev.headwater.adapt.AdaptSettings.Promotion promotion();
}

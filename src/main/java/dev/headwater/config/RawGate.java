package dev.headwater.config;

import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.util.Map;

/** When a candidate may serve. */
public interface RawGate {
  /** How often one judgement may let through a candidate no better than the live head. */
  @WithDefault("0.15")
  @WithConverter(Converters.Share.class)
  double errorRate();

  /** Accuracy that a candidate which knows more labels may surely not lose. */
  @WithDefault("0.005")
  @WithConverter(Converters.Share.class)
  double margin();

  /** F1 that no label with {@code class-trials} judged samples may lose. */
  @WithDefault("0.1")
  @WithConverter(Converters.Share.class)
  double classLoss();

  @WithDefault("20")
  @WithConverter(Converters.Positive.class)
  int classTrials();

  /** Judged samples below which nothing is accepted. */
  @WithDefault("10")
  @WithConverter(Converters.Positive.class)
  int trials();

  /** What better means. */
  @WithDefault("accuracy")
  dev.headwater.gate.Metric metric();

  /** Of an error, by {@code truth>predicted}; 1 where none is given. */
  Map<String, Double> costs();

  /** Least share of a label's records to be told, by label. */
  Map<String, Double> recallFloor();
}

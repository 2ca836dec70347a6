package dev.headwater.config;

import io.smallrye.config.WithConverter;
import java.util.Map;
import java.util.Optional;

/**
 * Overrides for one task. A key that is absent takes the general value of {@code selection} or
 * {@code gate}.
 */
public interface RawTask {
  Selection selection();

  Gate gate();

  /** Selection of records for labelling by this task. */
  interface Selection {
    /**
     * Confidence threshold of this task, 0 to 1. With {@code 0} the task requests no labels itself
     * and learns from labels that other tasks request. Defaults to {@code selection.threshold}.
     */
    @WithConverter(Converters.Share.class)
    Optional<Double> threshold();

    /**
     * Confidence measure of this task: {@code max-probability}, {@code margin} or {@code entropy}.
     * Defaults to {@code selection.measure}.
     */
    Optional<dev.headwater.scoring.Measure> measure();
  }

  /** Gate of this task. */
  interface Gate {
    /**
     * Significance level of this task, greater than 0 and less than 0.5. Defaults to {@code
     * gate.significance-level}.
     */
    @WithConverter(Converters.Share.class)
    Optional<Double> significanceLevel();

    /** Accuracy margin of this task, 0 to less than 1. Defaults to {@code gate.margin}. */
    @WithConverter(Converters.Share.class)
    Optional<Double> margin();

    /** Maximum loss of F1 per label of this task, 0 to 1. Defaults to {@code gate.class-loss}. */
    @WithConverter(Converters.Share.class)
    Optional<Double> classLoss();

    /**
     * Metric of this task: {@code accuracy}, {@code macro-f1} or {@code cost}. Defaults to {@code
     * gate.metric}.
     */
    Optional<dev.headwater.gate.Metric> metric();

    /**
     * Error costs of this task by {@code truth>predicted}. If any are given, they replace {@code
     * gate.costs}, which apply only to tasks with the general metric.
     */
    Map<String, Double> costs();

    /**
     * Minimum recall by label of this task, 0 to 1. If any are given, they replace {@code
     * gate.recall-floor}.
     */
    Map<String, Double> recallFloor();
  }
}

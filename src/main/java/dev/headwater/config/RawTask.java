package dev.headwater.config;

import io.smallrye.config.WithConverter;
import java.util.Map;
import java.util.Optional;

/** What is different for one task; absent keys are those of all. */
public interface RawTask {
  Selection selection();

  Gate gate();

  /** When a record is unsure. */
  interface Selection {
    @WithConverter(Converters.Share.class)
    Optional<Double> threshold();

    Optional<dev.headwater.scoring.Measure> measure();
  }

  /** When a candidate may serve. */
  interface Gate {
    @WithConverter(Converters.Share.class)
    Optional<Double> errorRate();

    @WithConverter(Converters.Share.class)
    Optional<Double> margin();

    @WithConverter(Converters.Share.class)
    Optional<Double> classLoss();

    Optional<dev.headwater.gate.Metric> metric();

    /** Where there are any, in place of those of all; likewise {@code recallFloor}. */
    Map<String, Double> costs();

    Map<String, Double> recallFloor();
  }
}

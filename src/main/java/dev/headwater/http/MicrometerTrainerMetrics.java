package dev.headwater.http;

import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Verdict;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;

/** Exports {@link TrainerMetrics} as Micrometer meters; every counter starts at 0. */
public final class MicrometerTrainerMetrics implements TrainerMetrics {
  private final Meters meters;
  private final HeadMeters heads;
  private final Map<String, AtomicReference<Double>> gauges = new ConcurrentHashMap<>();

  /**
   * @param tasks names of the bundle's tasks
   * @param driftCauses causes that drift detectors report
   */
  public MicrometerTrainerMetrics(
      MeterRegistry registry, List<String> tasks, List<String> driftCauses) {
    meters = new Meters(registry);
    heads = new HeadMeters(registry);
    lag(0);
    intake();
    for (String task : tasks) {
      samples(task);
      withdrawals(task);
      memory(task, 0);
      stepped(task, 0, 0, Double.NaN);
      training(task);
      for (Side side : Side.values()) {
        prequential(task, side, Double.NaN, Double.NaN);
        overlap(task, side, Double.NaN);
      }
      for (Verdict.Cause cause : Verdict.Cause.values()) {
        verdicts(task, cause.accepts(), cause.code());
      }
      for (String cause : driftCauses) {
        drift(task, cause, 0);
        alarms(task, cause);
      }
    }
  }

  @Override
  public void lag(long records) {
    gauge(
        "headwater.trainer.lag",
        "records",
        "Samples on the topic that the trainer has not read",
        records);
  }

  @Override
  public void tookIn(Duration elapsed) {
    intake().record(elapsed);
  }

  private Timer intake() {
    return meters.timer(
        "headwater.trainer.intake.duration",
        "Time to process one poll of the samples topic, drift detection included; no head is"
            + " trained meanwhile");
  }

  @Override
  public void sampled(String task, int memorySize) {
    samples(task).increment();
    memory(task, memorySize);
  }

  @Override
  public void erased(String task, int memorySize) {
    memory(task, memorySize);
  }

  private Counter samples(String task) {
    return meters.counter(
        "headwater.trainer.samples", "Labelled samples added to memory", of(task));
  }

  private void memory(String task, int size) {
    gauge("headwater.trainer.memory", "samples", "Labelled samples in memory", size, of(task));
  }

  @Override
  public void prequential(String task, Side head, double accuracy, double calibrationError) {
    gauge(
        "headwater.prequential.accuracy",
        "ratio",
        "Accuracy of the live head, and of its parent, on the latest labelled samples, each"
            + " evaluated before training on it",
        accuracy,
        of(task),
        of(head));
    gauge(
        "headwater.calibration.error",
        "ratio",
        "Expected calibration error on the latest labelled samples",
        calibrationError,
        of(task),
        of(head));
  }

  @Override
  public void overlap(String task, Side head, double iou) {
    gauge(
        "headwater.prequential.iou",
        "ratio",
        "Intersection over union on the latest labelled samples; NaN without masks",
        iou,
        of(task),
        of(head));
  }

  private static Tag of(Side head) {
    return Tag.of("head", head.name().toLowerCase(Locale.ROOT));
  }

  @Override
  public void stepped(String task, int step, int limit, double loss) {
    gauge(
        "headwater.trainer.steps",
        "",
        "Steps of the latest fit, over all heads fitted for one candidate",
        step,
        of(task));
    gauge("headwater.trainer.steps.limit", "", "Maximum steps of the latest fit", limit, of(task));
    gauge("headwater.trainer.loss", "", "Loss at the latest step", loss, of(task));
  }

  @Override
  public void trained(String task, Duration elapsed) {
    training(task).record(elapsed);
  }

  private Timer training(String task) {
    return meters.timer(
        "headwater.trainer.training.duration",
        "Time to fit one candidate, cross-fitting included",
        of(task));
  }

  @Override
  public void drift(String task, String cause, double score) {
    gauge(
        "headwater.drift.score",
        "",
        "Drift detector statistic as a fraction of its alarm threshold, from 0 to 1",
        score,
        of(task),
        Tag.of("cause", cause));
  }

  @Override
  public void drifted(String task, String cause) {
    alarms(task, cause).increment();
  }

  private Counter alarms(String task, String cause) {
    return meters.counter(
        "headwater.drift.alarms", "Drift alarms", of(task), Tag.of("cause", cause));
  }

  @Override
  public void judged(String task, boolean accepted, String cause) {
    verdicts(task, accepted, cause).increment();
  }

  private Counter verdicts(String task, boolean accepted, String cause) {
    return meters.counter(
        "headwater.gate.verdicts",
        "Gate verdicts on candidate heads, by cause",
        of(task),
        Tag.of("verdict", accepted ? "accepted" : "refused"),
        Tag.of("cause", cause));
  }

  @Override
  public void live(String task, long version) {
    heads.live(task, version);
  }

  @Override
  public void withdrawn(String task, long version) {
    withdrawals(task).increment();
  }

  private Counter withdrawals(String task) {
    return meters.counter(
        "headwater.heads.withdrawn",
        "Heads withdrawn because they proved worse than their parent or, if aligned without"
            + " labels, no longer fit the stream",
        of(task));
  }

  private static Tag of(String task) {
    return Tag.of("task", task);
  }

  private void gauge(String name, String unit, String description, double value, Tag... tags) {
    gauges
        .computeIfAbsent(
            name + List.of(tags),
            key -> {
              AtomicReference<Double> held = new AtomicReference<>(value);
              Gauge.builder(name, held, AtomicReference::get)
                  .description(description)
                  .baseUnit(unit.isEmpty() ? null : unit)
                  .tags(List.of(tags))
                  .register(meters.registry());
              return held;
            })
        .set(value);
  }
}

package dev.headwater.http;

import dev.headwater.metrics.Health;
import dev.headwater.schema.HeadInfo;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.distribution.CountAtBucket;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.snapshots.ClassicHistogramBuckets;
import io.prometheus.metrics.model.snapshots.HistogramSnapshot;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The data of the status page: current metrics, their history, and the known heads. It reads the
 * meters that {@code /metrics} exports, on its own thread, and keeps a bounded history in memory.
 */
public final class Status implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Status.class);
  private static final int HISTORY_POINTS = 720;
  private static final int HEADS_PER_TASK = 100;

  /** Window of the confidence histogram, in snapshots. */
  private static final int CONFIDENCE_WINDOW = 60;

  private static final String HEAD_VERSION = "headwater.head.version";

  /** Meters with a history. */
  private static final Set<String> SHOWN =
      Set.of(
          "headwater.records.received",
          "headwater.records.predicted",
          "headwater.records.dead.lettered",
          "headwater.records.reviewed",
          "headwater.samples",
          "headwater.labels.matched",
          "headwater.consumer.lag",
          HEAD_VERSION,
          "headwater.canary.share",
          "headwater.canary.version",
          "headwater.prequential.accuracy",
          "headwater.prequential.iou",
          "headwater.calibration.error",
          "headwater.drift.score",
          "headwater.drift.alarms",
          "headwater.trainer.memory",
          "headwater.trainer.lag",
          "headwater.trainer.steps",
          "headwater.trainer.steps.limit",
          "headwater.trainer.loss",
          "headwater.replay.accuracy",
          "process.resident.memory");

  private static final String LATENCY = "headwater.record.latency";

  /**
   * Static information.
   *
   * @param role {@code scorer}, {@code trainer} or {@code replay}
   * @param thresholds by task, the confidence below which a label is requested
   */
  public record About(String name, String role, Map<String, Double> thresholds) {}

  private final PrometheusMeterRegistry registry;
  private final About about;
  private final Supplier<Health> ready;
  private final Supplier<List<HeadInfo>> heads;
  private final Optional<TrainerLink> trainer;
  private final TimeSeries history = new TimeSeries(HISTORY_POINTS);
  private final Map<String, Recent> confidences = new TreeMap<>();
  private final Recent latencies = new Recent(1);
  private Map<String, Double> latest = Map.of();
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "headwater-status");
            thread.setDaemon(true);
            return thread;
          });

  /**
   * @param heads all known head versions, rejected ones included, ascending within a task
   * @param trainer address of the trainer's status page, to include its metrics
   */
  public Status(
      PrometheusMeterRegistry registry,
      About about,
      Supplier<Health> ready,
      Supplier<List<HeadInfo>> heads,
      Optional<URI> trainer) {
    this.registry = registry;
    this.about = about;
    this.ready = ready;
    this.heads = heads;
    this.trainer = trainer.map(TrainerLink::new);
  }

  /** Starts recording the history at this interval. */
  public void start(Duration interval) {
    long nanos = interval.toNanos();
    var unused = clock.scheduleAtFixedRate(this::tick, 0, nanos, TimeUnit.NANOSECONDS);
  }

  private void tick() {
    try {
      Map<String, Double> trainerValues = trainer.isPresent() ? trainer.get().ask() : Map.of();
      look(System.currentTimeMillis(), trainerValues);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closing
    } catch (RuntimeException e) {
      // a meter may fail, for example of a closing Kafka client; the next update must still run
      LOG.atWarn().setCause(e).log("status page update failed");
    }
  }

  /** Records one point of the history. */
  void look(long now) {
    look(now, Map.of());
  }

  private synchronized void look(long now, Map<String, Double> trainerValues) {
    latest = measured();
    Map<String, Double> values = new LinkedHashMap<>(trainerValues);
    // use this process's own live version: it may have rejected the head the trainer promoted
    values.keySet().removeIf(key -> key.startsWith(HEAD_VERSION));
    values.putAll(latest);
    updateConfidences();
    history.add(now, values);
  }

  private Map<String, Double> measured() {
    Map<String, Double> values = new LinkedHashMap<>();
    for (Meter meter : registry.getMeters()) {
      String name = meter.getId().getName();
      if (SHOWN.contains(name)) {
        values.put(key(meter.getId()), value(meter));
      } else if (name.equals(LATENCY) && meter instanceof Timer timer) {
        long count = timer.count(); // first, so that concurrent records do not count as late
        updateLatencies(timer.takeSnapshot().histogramCounts(), count, timer.max(TimeUnit.SECONDS));
        values.put(LATENCY + "{q=0.5}", latencies.quantile(0.5));
        values.put(LATENCY + "{q=0.99}", latencies.quantile(0.99));
      }
    }
    return values;
  }

  /** Durations above the last bucket go into an extra bucket that ends at the maximum. */
  private void updateLatencies(CountAtBucket[] cumulative, long count, double longest) {
    double[] bounds = new double[cumulative.length + 1];
    double[] counts = new double[cumulative.length + 1];
    double before = 0;
    for (int i = 0; i < cumulative.length; i++) {
      bounds[i] = cumulative[i].bucket(TimeUnit.SECONDS);
      counts[i] = cumulative[i].count() - before;
      before = cumulative[i].count();
    }
    double last = cumulative.length == 0 ? 0 : bounds[cumulative.length - 1];
    bounds[cumulative.length] = Math.max(last, longest);
    counts[cumulative.length] = Math.max(0, count - before);
    latencies.add(bounds, counts);
  }

  private void updateConfidences() {
    registry
        .getPrometheusRegistry()
        .scrape(MicrometerScorerMetrics.CONFIDENCE::equals)
        .forEach(
            family ->
                ((HistogramSnapshot) family).getDataPoints().forEach(this::updateConfidences));
  }

  private void updateConfidences(HistogramSnapshot.HistogramDataPointSnapshot point) {
    ClassicHistogramBuckets buckets = point.getClassicBuckets();
    int finite = buckets.size() - 1; // the last bucket is unbounded, and confidence is at most 1
    confidences
        .computeIfAbsent(
            String.valueOf(point.getLabels().get("task")), t -> new Recent(CONFIDENCE_WINDOW))
        .add(
            IntStream.range(0, finite).mapToDouble(buckets::getUpperBound).toArray(),
            IntStream.range(0, finite).mapToDouble(buckets::getCount).toArray());
  }

  private static double value(Meter meter) {
    return meter instanceof Counter counter
        ? counter.count()
        : meter instanceof Gauge gauge ? gauge.value() : Double.NaN;
  }

  private static String key(Meter.Id id) {
    String labels =
        id.getTags().stream()
            .map(tag -> tag.getKey() + "=" + tag.getValue())
            .collect(Collectors.joining(","));
    return labels.isEmpty() ? id.getName() : id.getName() + "{" + labels + "}";
  }

  /** Returns the values of the latest update, for the page of another process. */
  synchronized Map<String, Object> latest() {
    Map<String, Double> finite = new LinkedHashMap<>(latest);
    finite.values().removeIf(value -> !Double.isFinite(value));
    return Map.of("health", HealthJson.of(ready.get()), "values", finite);
  }

  /** Returns the page's data as of the latest update, for serialisation as JSON. */
  public synchronized Map<String, Object> now() {
    Map<String, Object> now = new LinkedHashMap<>();
    now.put("about", about);
    now.put("version", ProcessMeters.version());
    now.put("health", HealthJson.of(ready.get()));
    trainer.ifPresent(link -> now.put("trainer", HealthJson.of(link.health())));
    now.put("times", history.times());
    now.put("series", history.series());
    Map<String, Object> histograms = new TreeMap<>();
    confidences.forEach((task, recent) -> histograms.put(task, recent.buckets()));
    now.put("confidence", histograms);
    now.put("heads", lineage());
    return now;
  }

  private List<Map<String, Object>> lineage() {
    Map<String, List<HeadInfo>> byTask =
        heads.get().stream()
            .collect(
                Collectors.groupingBy(HeadInfo::task, LinkedHashMap::new, Collectors.toList()));
    List<Map<String, Object>> lineage = new ArrayList<>();
    for (List<HeadInfo> versions : byTask.values()) {
      versions.subList(Math.max(0, versions.size() - HEADS_PER_TASK), versions.size()).stream()
          .map(Status::json)
          .forEach(lineage::add);
    }
    return lineage;
  }

  private static Map<String, Object> json(HeadInfo info) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("task", info.task());
    json.put("version", info.version());
    json.put("parent", info.parent());
    json.put("createdAt", info.createdAt().toEpochMilli());
    json.put("trigger", info.trigger());
    json.put("labels", info.labels().size());
    json.put("accepted", info.verdict().accepted());
    json.put("reason", info.verdict().reason());
    json.put("judged", info.verdict().judged());
    return json;
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}

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
 * What the status page shows: what this process measures, now and on the way here, and the heads it
 * knows of. It reads the same meters that {@code /metrics} exports, from a thread of its own, and
 * holds a bounded number of moments in memory.
 */
public final class Status implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Status.class);
  private static final int MOMENTS = 720;
  private static final int HEADS_A_TASK = 100;

  /** Looks back that the latest confidences reach. */
  private static final int LATEST = 60;

  private static final String HEAD_VERSION = "headwater.head.version";

  /** What is shown over time. */
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
   * What does not change.
   *
   * @param role {@code scorer}, {@code trainer} or {@code replay}
   * @param thresholds by task, the certainty below which a record asks for its label
   */
  public record About(String name, String role, Map<String, Double> thresholds) {}

  private final PrometheusMeterRegistry registry;
  private final About about;
  private final Supplier<Health> ready;
  private final Supplier<List<HeadInfo>> heads;
  private final Optional<TrainerLink> trainer;
  private final TimeSeries history = new TimeSeries(MOMENTS);
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
   * @param heads every head version known, refused ones too, ascending within a task
   * @param trainer address of its page, to show what it measures beside this process's own
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

  /** Looks at the meters this often from now on. */
  public void start(Duration interval) {
    long nanos = interval.toNanos();
    var unused = clock.scheduleAtFixedRate(this::tick, 0, nanos, TimeUnit.NANOSECONDS);
  }

  private void tick() {
    try {
      Map<String, Double> told = trainer.isPresent() ? trainer.get().ask() : Map.of();
      look(System.currentTimeMillis(), told);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closing
    } catch (RuntimeException e) {
      // a meter that fails, as of a client that is closing: the page has a gap, and the next look
      // must still come
      LOG.atWarn().setCause(e).log("the status page has a gap");
    }
  }

  /** Takes a moment down. */
  void look(long now) {
    look(now, Map.of());
  }

  private synchronized void look(long now, Map<String, Double> told) {
    latest = measured();
    Map<String, Double> values = new LinkedHashMap<>(told);
    // which head serves here is nobody else's to say: what a trainer made live may be refused
    values.keySet().removeIf(key -> key.startsWith(HEAD_VERSION));
    values.putAll(latest);
    lookAtConfidences();
    history.add(now, values);
  }

  private Map<String, Double> measured() {
    Map<String, Double> values = new LinkedHashMap<>();
    for (Meter meter : registry.getMeters()) {
      String name = meter.getId().getName();
      if (SHOWN.contains(name)) {
        values.put(key(meter.getId()), value(meter));
      } else if (name.equals(LATENCY) && meter instanceof Timer timer) {
        long count = timer.count(); // first: what comes meanwhile must not look late
        lookAtLatencies(timer.takeSnapshot().histogramCounts(), count, timer.max(TimeUnit.SECONDS));
        values.put(LATENCY + "{q=0.5}", latencies.quantile(0.5));
        values.put(LATENCY + "{q=0.99}", latencies.quantile(0.99));
      }
    }
    return values;
  }

  /** What took longer than the last bucket says is at the longest there was. */
  private void lookAtLatencies(CountAtBucket[] cumulative, long count, double longest) {
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

  private void lookAtConfidences() {
    registry
        .getPrometheusRegistry()
        .scrape(MicrometerScorerMetrics.CONFIDENCE::equals)
        .forEach(
            family ->
                ((HistogramSnapshot) family).getDataPoints().forEach(this::lookAtConfidences));
  }

  private void lookAtConfidences(HistogramSnapshot.HistogramDataPointSnapshot point) {
    ClassicHistogramBuckets buckets = point.getClassicBuckets();
    int finite = buckets.size() - 1; // nothing is surer than 1
    confidences
        .computeIfAbsent(String.valueOf(point.getLabels().get("task")), t -> new Recent(LATEST))
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

  /** What this process measured at the last look, for the page of another. */
  synchronized Map<String, Object> latest() {
    Map<String, Double> finite = new LinkedHashMap<>(latest);
    finite.values().removeIf(value -> !Double.isFinite(value));
    return Map.of("health", HealthJson.of(ready.get()), "values", finite);
  }

  /** As of the last look, ready to be written as JSON. */
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
      versions.subList(Math.max(0, versions.size() - HEADS_A_TASK), versions.size()).stream()
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

package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.BundleException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.replay.Pipeline;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Topics;
import dev.headwater.schema.Verdict;
import dev.headwater.scoring.KindAnswer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The cost of all tasks of a bundle except the first: runs the bundle and the same bundle with only
 * its first task alternately. Tasks without a head get one with random weights.
 */
final class FurtherTasks {
  private static final int LABELS = 10;
  private static final double SPREAD = 0.05;

  /** Interval and confidence that every trained regression head has in its metrics. */
  private static final Map<String, Double> REGRESSION_METRICS =
      Map.of(KindAnswer.HALF_WIDTH, 1.0, KindAnswer.CONFIDENCE, 0.5);

  private final BenchSettings settings;
  private final Drain drain;
  private final Consumer<String> progress;
  private final Variant first;
  private final Variant all;

  FurtherTasks(BenchSettings settings, Path scratch, Drain drain, Consumer<String> progress)
      throws IOException, BundleException {
    this.settings = settings;
    this.drain = drain;
    this.progress = progress;
    Pipeline full = settings.pipeline();
    all = new WithHeads("headwater", full);
    first =
        new WithHeads("first", full.with(firstTask(scratch.resolve("first.yaml")), full.stream()));
  }

  private Bundle firstTask(Path file) throws IOException, BundleException {
    YAMLMapper yaml = new YAMLMapper();
    JsonNode manifest = yaml.readTree(settings.manifest().toFile());
    ArrayNode tasks = (ArrayNode) manifest.path("tasks");
    while (tasks.size() > 1) {
      tasks.remove(1);
    }
    yaml.writeValue(file.toFile(), manifest);
    return Bundle.load(file, settings.directory());
  }

  void measure(Report report) throws Exception {
    Drain.Filled records = drain.trials(settings.seconds(), List.of(all, first));
    List<Double> throughput = new ArrayList<>();
    List<Double> cpu = new ArrayList<>();
    for (int round = 0; round < settings.rounds(); round++) {
      // the order alternates, so that warm-up favours neither
      Measured before = round % 2 == 0 ? drain.run(first, records) : null;
      Measured whole = drain.run(all, records);
      Measured alone = before == null ? drain.run(first, records) : before;
      throughput.add(whole.recordsPerSecond() / alone.recordsPerSecond());
      cpu.add(whole.cpuMicrosPerRecord() / alone.cpuMicrosPerRecord());
      progress.accept(
          "round %d: %,.0f records/s, %.1f us of CPU per record; first task only: %,.0f, %.1f"
              .formatted(
                  round + 1,
                  whole.recordsPerSecond(),
                  whole.cpuMicrosPerRecord(),
                  alone.recordsPerSecond(),
                  alone.cpuMicrosPerRecord()));
    }
    report.put("tasks.count", settings.pipeline().bundle().tasks().size());
    report.put("tasks.records", records.records());
    report.put("tasks.throughputToFirstAlone", Spread.of(throughput));
    report.put("tasks.cpuToFirstAlone", Spread.of(cpu));
    progress.accept("tasks " + report.at("tasks"));
  }

  /** Headwater with a head for every task. */
  private record WithHeads(String name, Pipeline pipeline) implements Variant {
    @Override
    public AutoCloseable start(
        Topics topics, String group, Path stateDirectory, Map<String, Object> kafka) {
      try (HeadPublisher publisher =
          new HeadPublisher(kafka, topics.heads(), group + "-heads", HeadSettings.DEFAULT)) {
        publisher.read();
        for (Task task : pipeline.bundle().tasks()) {
          if (task.head().isEmpty()) {
            publisher.promote(random(task), "bench");
          }
        }
      }
      return new Headwater(name, pipeline).start(topics, group, stateDirectory, kafka);
    }

    /** Returns a random head as version 0, which needs no golden pairs. */
    private static Head random(Task task) {
      List<String> labels = labels(task);
      Random random = new Random(1);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (String name : task.split().parameterNames()) {
        long[] shape = task.split().shape(name, labels.size());
        float[] values = new float[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) (SPREAD * random.nextGaussian());
        }
        tensors.put(name, new Tensor(shape, values));
      }
      Verdict verdict =
          new Verdict(true, "random weights, for the benchmark", 0, REGRESSION_METRICS);
      return new Head(
          new HeadInfo(
              task.name(),
              0,
              0,
              labels,
              task.fingerprint(),
              Instant.now(),
              "bench",
              "none",
              verdict),
          tensors,
          new Tensor(new long[] {0, task.rowSize()}, new float[0]),
          new Tensor(new long[] {0, (long) labels.size() * task.rowAnswers()}, new float[0]));
    }

    private static List<String> labels(Task task) {
      if (task.kind() instanceof Kind.Quantity) {
        return List.of(Kind.Quantity.OUTPUT);
      }
      return task.labels().isEmpty()
          ? IntStream.range(0, LABELS).mapToObj(i -> "label-" + i).toList()
          : task.labels();
    }
  }
}

package dev.headwater.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Decoded;
import dev.headwater.bundle.ModelInput;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.Scratch;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the steps of a record cost by themselves, in microseconds; docs/how-to/benchmark.md has the
 * command.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class Kernels {
  private static final int BATCH = 32;
  private static final int SAMPLES = 1_000;
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Source SOURCE = new Source("records", 3, 1_234_567);

  /** Which the head tells apart; the records have 784 numbers. */
  @Param({"10", "1000"})
  public int classes;

  private Scratch scratch;
  private Bundle bundle;
  private Scoring scoring;
  private Topics topics;
  private byte[] value;
  private List<Decoded> batch;
  private Inference inference;
  private Outcome outcome;
  private FineTuner tuner;
  private LinearHead head;
  private Batch samples;

  @Setup(Level.Trial)
  public void setUp() throws Exception {
    scratch = Scratch.create();
    new Ffnn(28 * 28, classes, 1).write(scratch.path());
    bundle = Bundle.load(scratch.path().resolve("headwater.yaml"), scratch.path());
    scoring = Scoring.load(bundle, new ScoringSettings(1, 1, BATCH, false), ScorerMetrics.NOOP);
    topics = Topics.of(TopicNames.prefixed("kernels"));
    List<String> lines = Files.readAllLines(scratch.path().resolve("stream.jsonl"));
    value = lines.get(0).getBytes(UTF_8);
    batch = new ArrayList<>();
    for (String line : lines.subList(0, BATCH)) {
      batch.add(bundle.decoder().decode(line.getBytes(UTF_8)));
    }
    inference = scoring.infer(value);
    outcome = scored();
    tuner = new FineTuner(new FitSettings("cpu", 1, FitSettings.DEFAULT.pull(), 1, 1), true);
    head = Heads.of(bundle.task()).linear();
    samples = samples();
  }

  private Batch samples() {
    Random random = new Random(1);
    List<float[]> features = new ArrayList<>();
    for (int i = 0; i < SAMPLES; i++) {
      float[] row = new float[head.dim()];
      for (int d = 0; d < row.length; d++) {
        row[d] = (float) random.nextGaussian();
      }
      features.add(row);
    }
    double[] weights = new double[SAMPLES];
    Arrays.fill(weights, 1);
    return new Batch(features, random.ints(SAMPLES, 0, classes).toArray(), weights);
  }

  @TearDown
  public void tearDown() throws Exception {
    scoring.close();
    scratch.close();
  }

  /** From a record's bytes to its numbers. */
  @Benchmark
  public Decoded decode() throws Exception {
    return bundle.decoder().decode(value);
  }

  /** The same as people write it. */
  @Benchmark
  public float[] decodeByTree() throws Exception {
    JsonNode numbers = MAPPER.readTree(value).path("pixels");
    float[] row = new float[numbers.size()];
    for (int i = 0; i < row.length; i++) {
      row[i] = (float) numbers.get(i).asDouble();
    }
    return row;
  }

  /** A record's share of a batch's tensor. */
  @Benchmark
  @OperationsPerInvocation(BATCH)
  public List<ModelInput> batch() {
    return bundle.decoder().batch(batch);
  }

  /** From logits to the most probable labels and the confidence. */
  @Benchmark
  public Outcome scored() {
    return Outcome.of(inference, 0, scoring.score(inference, 0), Measure.MAX_PROBABILITY, 3);
  }

  @Benchmark
  public byte[] writePrediction() {
    Topic<byte[], Prediction> topic = topics.predictions();
    return topic
        .value()
        .serializer()
        .serialize(
            topic.name(), new Prediction("f0", outcome.prediction("digit0", null), SOURCE, null));
  }

  @Benchmark
  public byte[] writeSample() {
    Topic<String, Sample> topic = topics.samples();
    Sample sample =
        outcome
            .sample("f0", "digit0", bundle.task().fingerprint(), null)
            .setReason(Reason.UNSURE)
            .setWeight(1)
            .setRecordTime(Instant.EPOCH)
            .setLabel(null)
            .setLabelTime(null)
            .build();
    return topic.value().serializer().serialize(topic.name(), sample);
  }

  /** One step of L-BFGS from the live head on 1,000 samples: two gradients or three. */
  @Benchmark
  public LinearHead fitOneStep() {
    return tuner.fit(head, classes, samples);
  }
}

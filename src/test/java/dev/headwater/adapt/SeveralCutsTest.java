package dev.headwater.adapt;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.Ort;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import dev.headwater.scoring.Heads;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.tail.Tail;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A tail behind two tensors, as where a connection skips a layer: scored, trained and swapped. */
class SeveralCutsTest {
  private static final int DIM = 4;
  private static final int RECORDS = 400;
  private static final String[] BRANCHES = {"wide", "narrow"};

  @TempDir Path directory;

  private final float[][] rows = new float[RECORDS][DIM];

  private Bundle bundle() throws Exception {
    Files.write(
        directory.resolve("model.onnx"),
        GraphFixture.opset(17)
            .input("x", -1, DIM)
            .weight("first", DIM, 6)
            .weight("second", DIM, 3)
            .weight("joined", 9, 16)
            .weight("bias", 16)
            .weight("last", 16, 2)
            .node("MatMul", "a", "x", "first")
            .node("Relu", BRANCHES[0], "a")
            .node("MatMul", BRANCHES[1], "x", "second")
            .node("Concat", "both", Map.of("axis", 1), BRANCHES)
            .node("MatMul", "m", "both", "joined")
            .node("Add", "s", "m", "bias")
            .node("Tanh", "t", "s")
            .node("MatMul", "logits", "t", "last")
            .output("logits", -1, 2)
            .bytes());
    Files.writeString(directory.resolve("labels.json"), "[\"label-0\", \"label-1\"]");
    return Bundles.load(
        directory,
        """
        name: skips
        task: kind
        model: model.onnx
        labels: labels.json
        cut: [wide, narrow]
        input: {id: /id, numbers: /x}
        """);
  }

  /** As sequence-first transformers are exported: what crosses has its records behind. */
  @Test
  void whatIsTurnedAtItsCutIsScored() throws Exception {
    long[] swap = {1, 0, 2};
    Files.write(
        directory.resolve("model.onnx"),
        GraphFixture.opset(17)
            .input("x", -1, DIM)
            .integers("steps", DataType.INT64, new long[] {3}, -1, 2, DIM / 2)
            .weight("w1", DIM / 2, 5)
            .weight("w2", 5, 5)
            .weight("k", 5, 2)
            .node("Reshape", "parted", "x", "steps")
            .node("Transpose", "turned", Map.of("perm", swap), "parted")
            .node("MatMul", "a", "turned", "w1")
            .node("Relu", "b", "a")
            .node("MatMul", "c", "b", "w2")
            .node("ReduceMean", "d", Map.of("axes", new long[] {0}, "keepdims", 0), "c")
            .node("MatMul", "logits", "d", "k")
            .output("logits", -1, 2)
            .bytes());
    Files.writeString(directory.resolve("labels.json"), "[\"label-0\", \"label-1\"]");
    Bundle turning =
        Bundles.load(
            directory,
            """
            name: turns
            task: kind
            model: model.onnx
            labels: labels.json
            cut: -2
            input: {id: /id, numbers: /x}
            """);
    assertThat(turning.features()).containsExactly("b.by.record");
    try (Scoring scoring =
        Scoring.load(turning, new ScoringSettings(2, 1, 32, false), ScorerMetrics.NOOP)) {
      assertSaid(scoring, infer(scoring), directory.resolve("model.onnx"));
    }
  }

  private List<Inference> infer(Scoring scoring) {
    Random random = new Random(3);
    for (float[] row : rows) {
      for (int d = 0; d < DIM; d++) {
        row[d] = (float) random.nextGaussian();
      }
    }
    return scoring
        .submit(
            IntStream.range(0, RECORDS)
                .mapToObj(i -> "{\"id\":\"r%d\",\"x\":%s}".formatted(i, Arrays.toString(rows[i])))
                .map(json -> json.getBytes(UTF_8))
                .toList())
        .stream()
        .map(CompletableFuture::join)
        .toList();
  }

  /** By the sign of a product, which no layer by itself can tell. */
  private int truth(int record) {
    return rows[record][0] * rows[record][1] > 0 ? 1 : 0;
  }

  @Test
  void isScoredTrainedSwappedAndExported() throws Exception {
    Bundle bundle = bundle();
    Task task = bundle.task();
    assertThat(bundle.features()).containsExactly(BRANCHES);
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(2, 1, 32, false), ScorerMetrics.NOOP)) {
      List<Inference> inferences = infer(scoring);
      assertSaid(scoring, inferences, directory.resolve("model.onnx"));

      Fitter.Trained trained = trained(task, inferences);
      Head head = head(bundle, trained, inferences);
      scoring.install(head);

      Path exported = directory.resolve("exported.onnx");
      task.export(head, exported);
      assertSaid(scoring, inferences, exported);
      long right =
          IntStream.range(0, RECORDS)
              .filter(
                  i ->
                      scoring
                          .score(inferences.get(i), 0)
                          .best()
                          .label()
                          .equals("label-" + truth(i)))
              .count();
      assertThat(right).as("of records it was taught").isGreaterThan(RECORDS * 9 / 10);
    }
  }

  private Fitter.Trained trained(Task task, List<Inference> inferences) throws Exception {
    double[] ones = new double[RECORDS];
    Arrays.fill(ones, 1);
    Batch batch =
        new Batch(
            inferences.stream().map(inference -> inference.features(0)).toList(),
            IntStream.range(0, RECORDS).map(this::truth).toArray(),
            ones);
    FitSettings settings = new FitSettings("cpu", 1, 0.02, 25, 200);
    TailFitter fitter =
        new TailFitter(
            task,
            new TailTuner(Tail.of(task.split()), task.split(), task.featureShapes(), settings));
    Fitter.Trained head = fitter.of(task.head().orElseThrow());
    for (int round = 0; round < 6; round++) {
      head = fitter.fit(head, 2, batch, List.of(ones)).get(0);
    }
    return head;
  }

  /** Which proves itself, at the check before it serves, on what training said of three records. */
  private static Head head(Bundle bundle, Fitter.Trained trained, List<Inference> inferences) {
    List<float[]> features =
        inferences.subList(0, 3).stream().map(inference -> inference.features(0)).toList();
    return new Head(
        Heads.info(bundle, 1, Heads.labels(2)),
        trained.tensors(),
        Tensor.rows(features, 9),
        Tensor.rows(trained.logits(features), 2));
  }

  private void assertSaid(Scoring scoring, List<Inference> inferences, Path network, long... shape)
      throws Exception {
    float[] flat = Tensor.rows(List.of(rows), DIM).values();
    float[] logits =
        Ort.values(
                Ort.run(
                        Files.readAllBytes(network),
                        Map.of("x", Ort.floats(new long[] {RECORDS, DIM}, flat)))
                    .get("logits"))
            .floats();
    for (int i = 0; i < RECORDS; i++) {
      double odds = Math.exp(logits[2 * i] - logits[2 * i + 1]);
      assertThat(scoring.score(inferences.get(i), 0).probabilities()[0])
          .as("record %d", i)
          .isCloseTo((float) (odds / (1 + odds)), within(1e-4f));
    }
  }
}

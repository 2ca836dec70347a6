package dev.headwater.scoring;

import dev.headwater.bundle.Bundle;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/** Heads for a bundle whose head is one linear layer, with golden pairs computed by hand. */
public final class Heads {
  private static final int GOLDEN = 3;

  private Heads() {}

  public static List<String> labels(int classes) {
    return IntStream.range(0, classes).mapToObj(i -> "label-" + i).toList();
  }

  public static HeadInfo info(Bundle bundle, long version, List<String> labels) {
    return new HeadInfo(
        bundle.task().name(),
        version,
        Math.max(0, version - 1),
        labels,
        bundle.task().fingerprint(),
        Instant.EPOCH,
        "samples",
        "cpu",
        new Verdict(true, "planted", 0, Map.of()));
  }

  /** The live head of the only task. */
  static HeadInfo live(Scoring scoring) {
    return scoring.live().values().iterator().next();
  }

  /** Weights drawn from the seed. */
  public static Head random(Bundle bundle, long version, int classes, long seed) {
    Random random = new Random(seed);
    float[][] weight = new float[classes][bundle.task().split().dim()];
    float[] bias = new float[classes];
    for (int c = 0; c < classes; c++) {
      bias[c] = (float) random.nextGaussian();
      for (int d = 0; d < weight[c].length; d++) {
        weight[c][d] = (float) random.nextGaussian();
      }
    }
    return linear(bundle, info(bundle, version, labels(classes)), weight, bias);
  }

  /** Of features that are large, though finite, it says what is no number. */
  public static Head steep(Bundle bundle, long version, int classes) {
    float[][] weight = new float[classes][bundle.task().split().dim()];
    for (int c = 0; c < classes; c++) {
      Arrays.fill(weight[c], c % 2 == 0 ? 1e10f : -1e10f);
    }
    return linear(bundle, info(bundle, version, labels(classes)), weight, new float[classes]);
  }

  /** Says the same of every record. */
  public static Head constant(Bundle bundle, long version, float... logits) {
    float[][] weight = new float[logits.length][bundle.task().split().dim()];
    return linear(bundle, info(bundle, version, labels(logits.length)), weight, logits);
  }

  private static Head linear(Bundle bundle, HeadInfo info, float[][] weight, float[] bias) {
    LinearLayer layer = bundle.task().split().linear().orElseThrow();
    int classes = bias.length;
    int dim = bundle.task().split().dim();
    float[] flat = new float[classes * dim];
    for (int c = 0; c < classes; c++) {
      for (int d = 0; d < dim; d++) {
        flat[layer.classesFirst() ? c * dim + d : d * classes + c] = weight[c][d];
      }
    }
    long[] shape = layer.classesFirst() ? new long[] {classes, dim} : new long[] {dim, classes};
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(layer.weight(), new Tensor(shape, flat));
    if (layer.bias() != null) {
      tensors.put(layer.bias(), new Tensor(new long[] {classes}, bias));
    }
    return withGolden(info, tensors, weight, bias);
  }

  private static Head withGolden(
      HeadInfo info, Map<String, Tensor> tensors, float[][] weight, float[] bias) {
    int dim = weight[0].length;
    Random random = new Random(11);
    float[] features = new float[GOLDEN * dim];
    for (int i = 0; i < features.length; i++) {
      features[i] = (float) random.nextGaussian();
    }
    float[] logits = new float[GOLDEN * bias.length];
    for (int row = 0; row < GOLDEN; row++) {
      for (int c = 0; c < bias.length; c++) {
        double sum = bias[c];
        for (int d = 0; d < dim; d++) {
          sum += (double) weight[c][d] * features[row * dim + d];
        }
        logits[row * bias.length + c] = (float) sum;
      }
    }
    return new Head(
        info,
        tensors,
        new Tensor(new long[] {GOLDEN, dim}, features),
        new Tensor(new long[] {GOLDEN, bias.length}, logits));
  }

  /** The same with another tensor in the place of one of its own. */
  public static Head replacing(Head head, String name, Tensor tensor) {
    Map<String, Tensor> tensors = new LinkedHashMap<>(head.tensors());
    tensors.put(name, tensor);
    return new Head(head.info(), tensors, head.goldenFeatures(), head.goldenLogits());
  }
}

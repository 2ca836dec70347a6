package dev.headwater.stream;

import dev.headwater.bundle.Bundle;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Heads that betray themselves: version v says {@code label-(v mod classes)}, whatever it sees. */
public final class TestHead {
  private TestHead() {}

  public static Head of(Bundle bundle, long version) {
    return of(bundle, version, 0);
  }

  /**
   * @param more labels than the bundle's own, which none of them ever says
   */
  public static Head of(Bundle bundle, long version, int more) {
    return of(bundle, version, bundle.task().fingerprint(), 1_000, more);
  }

  public static Head of(Bundle bundle, long version, String backbone, float confidence) {
    return of(bundle, version, backbone, confidence, 0);
  }

  private static Head of(Bundle bundle, long version, String backbone, float confidence, int more) {
    List<String> labels = new ArrayList<>(bundle.task().labels());
    int own = labels.size();
    IntStream.range(0, more).forEach(i -> labels.add("more-" + i));
    int classes = labels.size();
    int dim = bundle.task().split().dim();
    float[] bias = new float[classes];
    bias[(int) (version % own)] = confidence;
    LinearLayer layer = bundle.task().split().linear().orElseThrow();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put(
        layer.weight(),
        zeros(layer.classesFirst() ? new long[] {classes, dim} : new long[] {dim, classes}));
    tensors.put(layer.bias(), new Tensor(new long[] {classes}, bias));
    HeadInfo info =
        new HeadInfo(
            bundle.task().name(),
            version,
            version - 1,
            labels,
            backbone,
            Instant.parse("2026-01-01T00:00:00Z"),
            "samples",
            "cpu",
            new Verdict(true, "planted", 0, Map.of()));
    return new Head(
        info,
        tensors,
        zeros(new long[] {1, dim}),
        new Tensor(new long[] {1, classes}, bias.clone()));
  }

  public static String label(Bundle bundle, long version) {
    return "label-" + version % bundle.task().labels().size();
  }

  private static Tensor zeros(long[] shape) {
    return new Tensor(shape, new float[(int) Arrays.stream(shape).reduce(1, Math::multiplyExact)]);
  }
}

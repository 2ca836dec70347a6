package dev.headwater.stream;

import dev.headwater.bundle.Bundle;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Heads that betray themselves: version v says {@code label-(v mod classes)}, whatever it sees. */
public final class TestHead {
  private TestHead() {}

  public static Head of(Bundle bundle, long version) {
    return of(bundle, version, bundle.task().fingerprint(), 1_000);
  }

  public static Head of(Bundle bundle, long version, String backbone, float certainty) {
    int classes = bundle.task().labels().size();
    int dim = bundle.task().split().dim();
    float[] bias = new float[classes];
    bias[(int) (version % classes)] = certainty;
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    bundle.task().split().parameters().forEach(p -> tensors.put(p.name(), zeros(p.shape())));
    String name = bundle.task().split().linear().orElseThrow().bias();
    tensors.put(name, new Tensor(new long[] {classes}, bias));
    HeadInfo info =
        new HeadInfo(
            bundle.task().name(),
            version,
            version - 1,
            bundle.task().labels(),
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

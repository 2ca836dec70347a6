package dev.headwater.heads;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Heads that are told apart by their weights: every weight is the version. */
final class TestHeads {
  static final String TASK = "intent";
  static final String BACKBONE = "b".repeat(64);
  static final Instant NOW = Instant.parse("2026-11-23T10:15:30.123456789Z");

  private TestHeads() {}

  static HeadInfo info(long version) {
    return info(version, Math.max(0, version - 1), BACKBONE, true);
  }

  static HeadInfo info(long version, long parent, String backbone, boolean accepted) {
    return new HeadInfo(
        TASK,
        version,
        parent,
        List.of("buy", "sell \"now\"", "quité"),
        backbone,
        NOW,
        "samples",
        "cpu",
        new Verdict(accepted, "Better on 40 of 50.", 50, Map.of("delta", 0.1, "p", 1e-300)));
  }

  static Head head(long version) {
    return head(info(version));
  }

  static Head head(HeadInfo info) {
    return new Head(
        info,
        Map.of("w", filled(info.version(), 4, 3), "b", filled(info.version(), 3)),
        filled(0.5f, 2, 4),
        filled(0.25f, 2, 3),
        Map.of(Head.SOURCE + "counts", filled(info.version(), 3)));
  }

  static LivePointer pointer(long epoch, long version) {
    return new LivePointer(TASK, epoch, version, false, "test", NOW);
  }

  static Tensor filled(float value, int... shape) {
    float[] values = new float[Arrays.stream(shape).reduce(1, (a, b) -> a * b)];
    Arrays.fill(values, value);
    return new Tensor(Arrays.stream(shape).asLongStream().toArray(), values);
  }

  /** The records of a head in {@code chunks} chunks and its manifest, by key. */
  static Map<String, byte[]> records(Head head, int chunks) {
    byte[] bytes = HeadCodec.write(head);
    HeadInfo info = head.info();
    int size = (bytes.length + chunks - 1) / chunks;
    Map<String, byte[]> records = new HashMap<>();
    for (int n = 0; n < chunks; n++) {
      records.put(
          HeadKey.chunk(info.task(), info.version(), n),
          Arrays.copyOfRange(bytes, n * size, Math.min(bytes.length, (n + 1) * size)));
    }
    records.put(
        HeadKey.manifest(info.task(), info.version()),
        HeadCodec.json(new Manifest(chunks, bytes.length, HeadCodec.sha256(bytes), info)));
    return records;
  }
}

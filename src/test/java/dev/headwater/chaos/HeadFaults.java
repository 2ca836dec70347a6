package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadSettings;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException.Cause;
import dev.headwater.schema.Tensor;
import dev.headwater.stream.TestHead;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** What must not serve on the topic of heads, and the loss of that topic. */
final class HeadFaults {
  /** Floats, 64 MiB: more than a head of this bundle by six orders. */
  private static final int HUGE = 16 << 20;

  /** More than the heap of a scorer, 512 MiB. */
  private static final long LARGER = 600L << 20;

  private HeadFaults() {}

  static List<Fault> all() {
    return List.of(
        bad("corrupt head", Cause.UNREADABLE, HeadFaults::corrupt),
        bad("truncated head", Cause.UNREADABLE, HeadFaults::truncated),
        bad(
            "head with NaN",
            Cause.UNFIT,
            run -> promote(run, run.bundle.task().fingerprint(), Float.NaN)),
        bad("head of another backbone", Cause.FOREIGN, run -> promote(run, "0".repeat(64), 1_000)),
        bad("head of 64 MiB", Cause.OVERSIZED, HeadFaults::huge),
        bad("head larger than the heap", Cause.OVERSIZED, HeadFaults::larger),
        bad("replayed head", Cause.STALE, HeadFaults::replayed).signed(),
        bad("unsigned head", Cause.UNSIGNED, HeadFaults::unsigned).signed(),
        Fault.of("heads topic made anew, empty", HeadFaults::recreate));
  }

  private interface Writing {
    void write(Run run) throws Exception;
  }

  /**
   * Hit once every scorer has refused it, for what is wrong with it and nothing else; it has to
   * serve on from there.
   */
  private static Fault bad(String name, Cause cause, Writing writing) {
    return Fault.of(
        name,
        run -> {
          // no swap meanwhile: it would overtake the bad head before anybody looked at it
          synchronized (run.heads) {
            if (run.heads.live() == 0) {
              run.heads.promote();
            }
            Refusals refusals = new Refusals(run, cause);
            writing.write(run);
            refusals.awaitMore();
            run.hit();
          }
          return true;
        });
  }

  /** How often each scorer has refused a head for a cause, and that it does once more. */
  private static final class Refusals {
    private final Run run;
    private final String series;
    private final Map<String, Double> before;

    Refusals(Run run, Cause cause) throws Exception {
      this.run = run;
      series = "headwater_head_refusals_total\\{reason=\"%s\".*".formatted(cause.code());
      before = now();
    }

    private Map<String, Double> now() throws Exception {
      Map<String, Double> refusals = new TreeMap<>();
      for (String member : run.processes.members()) {
        refusals.put(member, run.processes.scorer(member).sum(series));
      }
      return refusals;
    }

    void awaitMore() {
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  now().entrySet().stream()
                      .allMatch(now -> now.getValue() > before.get(now.getKey())));
    }
  }

  private static void corrupt(Run run) throws Exception {
    copyLive(
        run,
        bytes -> {
          bytes[bytes.length - 1] ^= 1;
          return bytes;
        });
  }

  private static void truncated(Run run) throws Exception {
    copyLive(run, bytes -> Arrays.copyOf(bytes, bytes.length / 2));
  }

  /** Under a new version, damaged on the way. */
  private static void copyLive(Run run, UnaryOperator<byte[]> damage) throws Exception {
    String task = run.bundle.task().name();
    long live = run.heads.live();
    long next = run.heads.next();
    byte[] bytes = records(run, "head/" + task + "/" + live + "/0").get(0).value();
    byte[] manifest = records(run, "head/" + task + "/" + live + "/manifest").get(0).value();
    write(run, "head/" + task + "/" + next + "/0", damage.apply(bytes));
    write(
        run,
        "head/" + task + "/" + next + "/manifest",
        new String(manifest, UTF_8)
            .replace("\"version\":" + live + ",", "\"version\":" + next + ",")
            .getBytes(UTF_8));
    write(run, "live/" + task, pointer(run, next));
  }

  private static void promote(Run run, String backbone, float confidence) {
    run.heads
        .publisher()
        .promote(TestHead.of(run.bundle, run.heads.next(), backbone, confidence), "chaos");
  }

  private static void huge(Run run) {
    Head head = TestHead.of(run.bundle, run.heads.next());
    Map<String, Tensor> tensors = new LinkedHashMap<>(head.tensors());
    tensors.put("bulk", new Tensor(new long[] {HUGE}, new float[HUGE]));
    run.heads
        .publisher()
        .promote(
            new Head(head.info(), tensors, head.goldenFeatures(), head.goldenLogits()), "chaos");
  }

  /** Chunk by chunk, for neither this process nor the broker has room for it. */
  private static void larger(Run run) throws Exception {
    String task = run.bundle.task().name();
    long next = run.heads.next();
    byte[] chunk = new byte[HeadSettings.CHUNK_BYTES];
    int chunks = (int) (LARGER / chunk.length);
    for (int i = 0; i < chunks; i++) {
      write(run, "head/%s/%d/%d".formatted(task, next, i), chunk);
    }
    Map<String, Object> manifest =
        Map.of(
            "chunks",
            chunks,
            "bytes",
            (long) chunks * chunk.length,
            "sha256",
            "0".repeat(64),
            "info",
            TestHead.of(run.bundle, next).info());
    write(
        run, "head/%s/%d/manifest".formatted(task, next), Json.MAPPER.writeValueAsBytes(manifest));
    write(run, "live/" + task, pointer(run, next));
  }

  /** The first pointer again, as it was signed. */
  private static void replayed(Run run) {
    ConsumerRecord<String, byte[]> first = records(run, "live/" + run.bundle.task().name()).get(0);
    run.on.write(
        run.on.topics.heads(),
        first.key().getBytes(UTF_8),
        first.value(),
        first.headers().toArray());
  }

  /** A version that was live before: were the pointer followed, predictions would tell. */
  private static void unsigned(Run run) throws Exception {
    long before = run.heads.live();
    run.heads.promote();
    String task = run.bundle.task().name();
    byte[] manifest =
        records(run, "head/" + task + "/" + run.heads.live() + "/manifest").get(0).value();
    write(run, "head/" + task + "/" + run.heads.next() + "/manifest", manifest);
    write(run, "live/" + task, pointer(run, before));
  }

  private static byte[] pointer(Run run, long version) throws Exception {
    String task = run.bundle.task().name();
    long epoch =
        HeadLog.read(run.on.kafka, run.on.topics.heads(), run.processes.signatures())
            .live(task)
            .map(LivePointer::epoch)
            .orElse(0L);
    return Json.MAPPER.writeValueAsBytes(
        new LivePointer(task, epoch + 1, version, false, "chaos", Instant.EPOCH));
  }

  /** The oldest first. */
  private static List<ConsumerRecord<String, byte[]>> records(Run run, String key) {
    return run.on.committed(run.on.topics.heads()).stream()
        .filter(r -> r.key().equals(key))
        .toList();
  }

  private static void write(Run run, String key, byte[] value) {
    run.on.write(run.on.topics.heads(), key.getBytes(UTF_8), value);
  }

  /**
   * The last good head serves on. What is promoted on the new topic begins at epoch 1 again, which
   * a scorer that knows higher ones refuses: an operator restarts them.
   */
  private static boolean recreate(Run run) throws Exception {
    synchronized (run.heads) {
      // two epochs at least, so that the first of the new topic is behind them, and read by all
      run.heads.promote();
      run.heads.promote();
      run.awaitMore(Load.RATE);
      String heads = run.on.names.heads();
      Refusals refusals = new Refusals(run, Cause.STALE);
      run.admin.deleteTopics(List.of(heads)).all().get();
      await().atMost(PATIENCE).until(() -> !run.admin.listTopics().names().get().contains(heads));
      run.on.createTopics();
      run.hit();
      run.awaitRecovery();
      run.heads.startOver();
      run.heads.promote();
      refusals.awaitMore();
      for (String member : run.processes.members()) {
        run.processes.stop(member);
        run.processes.start(member);
      }
    }
    return true;
  }
}

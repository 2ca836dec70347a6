package dev.headwater.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.Signatures;
import dev.headwater.replay.traffic.Worker;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import dev.headwater.stream.PrecomputedStream;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A trainer next to the scorer: a {@code train} process with low priority that is always busy with
 * a stream of labelled samples. It shares cores and broker with the scorer, but no topic, so the
 * work of the scorer is the same with and without it.
 */
final class Adaptation implements AutoCloseable {
  private static final int NICENESS = 10;
  private static final int UNTHROTTLED = 2_000;
  private static final long NANOS_PER_SAMPLE = TimeUnit.MILLISECONDS.toNanos(5);
  private static final Duration TIMEOUT = Duration.ofMinutes(3);

  private final Arena arena;
  private final Commands commands;
  private final Task task;
  private final List<PrecomputedStream.Precomputed> known;
  private final List<String> truths;
  private final int round;
  private final Process trainer;
  private final Worker feeder;

  /**
   * Starts the trainer and waits until it has trained once.
   *
   * @param known predictions of the distinct records
   * @param truths their labels
   * @param round makes the sample ids of different starts distinct
   */
  Adaptation(
      Arena arena,
      Commands commands,
      Task task,
      List<PrecomputedStream.Precomputed> known,
      List<String> truths,
      int round)
      throws IOException {
    this.arena = arena;
    this.commands = commands;
    this.task = task;
    this.known = known;
    this.truths = truths;
    this.round = round;
    new TopicSetup(arena.kafka(), commands.names(), arena.settings()).create();
    long before = candidates();
    trainer = commands.start("train", NICENESS, arena);
    feeder = Worker.start("samples", this::feed);
    boolean trained = false;
    try {
      awaitCandidateAfter(before);
      trained = true;
    } finally {
      if (!trained) {
        close();
      }
    }
  }

  private void awaitCandidateAfter(long before) {
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    while (candidates() == before) {
      feeder.check();
      if (!trainer.isAlive() || System.nanoTime() > deadline) {
        throw new IllegalStateException("train produced no candidate; see its log");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
    }
  }

  /** Returns the number of candidates published so far. */
  long candidates() {
    return HeadLog.read(arena.kafka(), topics().heads(), Signatures.NONE).nextVersion(task.name());
  }

  /** Returns the CPU time of the trainer. */
  Duration cpu() {
    return trainer.toHandle().info().totalCpuDuration().orElse(Duration.ZERO);
  }

  private Topics topics() {
    return Topics.of(commands.names());
  }

  private void feed(BooleanSupplier running) {
    Topic<String, Sample> samples = topics().samples();
    try (Producer<byte[], byte[]> producer = Backlog.producer(arena.kafka())) {
      for (int i = 0; running.getAsBoolean(); i++) {
        String id = "a%d-%d".formatted(round, i);
        producer.send(
            new ProducerRecord<>(
                samples.name(),
                id.getBytes(UTF_8),
                samples.value().serializer().serialize(samples.name(), sample(id, i))));
        if (i >= UNTHROTTLED) {
          LockSupport.parkNanos(NANOS_PER_SAMPLE);
        }
      }
    }
  }

  private Sample sample(String id, int number) {
    int i = number % known.size();
    Instant now = Instant.now();
    return known
        .get(i)
        .outcomes()
        .get(0)
        .sample(id, task.name(), task.fingerprint(), null)
        .setReason(Reason.AUDIT)
        .setWeight(1)
        .setRecordTime(now)
        .setLabel(truths.get(i))
        .setLabelTime(now)
        .build();
  }

  @Override
  public void close() {
    feeder.close();
    Commands.stop(trainer);
  }
}

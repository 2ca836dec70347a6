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
import dev.headwater.stream.AnsweredStream;
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
 * A trainer at work beside the scorer: {@code train} as a process of its own, of low priority, on a
 * stream of labelled samples that never lets it rest. It shares cores and broker with the scorer,
 * and no topic, so that the scorer's own work is the same with it and without.
 */
final class Adaptation implements AutoCloseable {
  private static final int NICENESS = 10;
  private static final int AT_ONCE = 2_000;
  private static final long NANOS_A_SAMPLE = TimeUnit.MILLISECONDS.toNanos(5);
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final Arena arena;
  private final Commands commands;
  private final Task task;
  private final List<AnsweredStream.Known> known;
  private final List<String> truths;
  private final int round;
  private final Process trainer;
  private final Worker feeding;

  /**
   * Starts it and waits until it has trained once.
   *
   * @param known what the bundle says of each distinct record
   * @param truths their labels
   * @param round tells the samples of one start from those of another
   */
  Adaptation(
      Arena arena,
      Commands commands,
      Task task,
      List<AnsweredStream.Known> known,
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
    feeding = Worker.start("samples", this::feed);
    boolean trained = false;
    try {
      awaitMoreThan(before);
      trained = true;
    } finally {
      if (!trained) {
        close();
      }
    }
  }

  private void awaitMoreThan(long before) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (candidates() == before) {
      feeding.check();
      if (!trainer.isAlive() || System.nanoTime() > deadline) {
        throw new IllegalStateException("train trained nothing; its log says why");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
    }
  }

  /** How many were ever made. */
  long candidates() {
    return HeadLog.read(arena.kafka(), topics().heads(), Signatures.NONE).nextVersion(task.name());
  }

  /** CPU time it has used. */
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
        if (i >= AT_ONCE) {
          LockSupport.parkNanos(NANOS_A_SAMPLE);
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
    feeding.close();
    Commands.stop(trainer);
  }
}

package dev.headwater.replay.traffic;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.replay.report.Tally;
import dev.headwater.stream.guard.DeadLetter;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;

/**
 * Sends the records of a stream, without their ground truth, at a steady rate. Record {@code i} is
 * due {@code i / rate} seconds after the first, so the rate recovers after a pause.
 */
public final class Feeder implements Worker.Body {
  private static final long MAX_PARK_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final LabelledStream stream;
  private final RunTopics topics;
  private final double nanosPerRecord;
  private final Tally tally;
  private final AtomicInteger sent = new AtomicInteger();
  private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

  public Feeder(LabelledStream stream, RunTopics topics, double recordsPerSecond, Tally tally) {
    this.stream = stream;
    this.topics = topics;
    this.nanosPerRecord = TimeUnit.SECONDS.toNanos(1) / recordsPerSecond;
    this.tally = tally;
  }

  /** Returns the number of acknowledged records. */
  public int sent() {
    return sent.get();
  }

  @Override
  public void run(BooleanSupplier running) throws Exception {
    try (Producer<byte[], byte[]> producer = topics.producer();
        LabelledStream.Values values = stream.values()) {
      long start = System.nanoTime();
      tally.started();
      int read = 0;
      for (byte[] value = values.next(); value != null; value = values.next()) {
        if (!awaitTurn(start + (long) (read * nanosPerRecord), running)) {
          return;
        }
        send(producer, read++, values.line(), value);
      }
      producer.flush();
      rethrow();
      if (read < stream.size()) { // undetected elsewhere
        throw new IOException(
            "the stream shrank during the replay, from %d to %d records"
                .formatted(stream.size(), read));
      }
    }
  }

  private static boolean awaitTurn(long deadline, BooleanSupplier running) {
    for (long wait = deadline - System.nanoTime(); wait > 0; wait = deadline - System.nanoTime()) {
      if (!running.getAsBoolean()) {
        return false;
      }
      LockSupport.parkNanos(Math.min(wait, MAX_PARK_NANOS));
    }
    return running.getAsBoolean();
  }

  private void send(Producer<byte[], byte[]> producer, int index, int line, byte[] value)
      throws Exception {
    rethrow();
    if (index >= stream.size()) {
      throw new IOException("the stream grew during the replay: unexpected line " + line);
    }
    byte[] id = stream.recordId(index).getBytes(UTF_8);
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(topics.records(), topics.partitionOf(index), id, value);
    record.headers().add(DeadLetter.RECORD_ID_HEADER, id);
    producer.send(record, (at, e) -> acknowledged(index, line, at, e));
  }

  private void acknowledged(int index, int line, RecordMetadata at, @Nullable Exception e) {
    if (e != null) {
      failure.compareAndSet(
          null,
          new IOException(
              "line %d: cannot send record %s: %s"
                  .formatted(line, stream.recordId(index), e.getMessage()),
              e));
    } else if (at.offset() != topics.sourceOf(index).offset()) {
      failure.compareAndSet(
          null, new IOException("another producer writes to " + topics.records() + ": " + at));
    } else {
      sent.incrementAndGet();
    }
  }

  private void rethrow() throws Exception {
    Exception e = failure.get();
    if (e != null) {
      throw e;
    }
  }
}

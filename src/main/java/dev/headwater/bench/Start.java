package dev.headwater.bench;

import dev.headwater.schema.TopicSetup;
import java.io.IOException;
import java.time.Duration;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.producer.Producer;

/** Time from the start of a {@code serve} process to its first prediction, with records waiting. */
final class Start {
  private static final Duration POLL = Duration.ofMillis(10);
  private static final Duration TIMEOUT = Duration.ofMinutes(2);
  private static final int RECORDS = 200;

  private final Arena arena;
  private final Commands commands;
  private int sent;

  Start(Arena arena, Commands commands) {
    this.arena = arena;
    this.commands = commands;
    new TopicSetup(arena.kafka(), commands.names(), arena.settings()).create();
  }

  /** Returns the time of one start in seconds; the first start also warms up the disk cache. */
  double seconds() throws IOException {
    try (Producer<byte[], byte[]> producer = Backlog.producer(arena.kafka());
        Consumer<byte[], byte[]> predictions =
            Predictions.consumer(arena.kafka(), commands.names().predictions())) {
      predictions.seekToEnd(predictions.assignment());
      predictions
          .assignment()
          .forEach(predictions::position); // forces the seek now, not at the first poll
      for (int i = 0; i < RECORDS; i++) {
        producer.send(arena.backlog().record(commands.names().records().get(0), sent++));
      }
      producer.flush();
      long start = System.nanoTime();
      Process serve = commands.start("serve", 0, arena);
      try {
        while (predictions.poll(POLL).isEmpty()) {
          if (!serve.isAlive() || System.nanoTime() - start > TIMEOUT.toNanos()) {
            throw new IllegalStateException("serve produced no predictions; see its log");
          }
        }
        return (System.nanoTime() - start) / 1e9;
      } finally {
        Commands.stop(serve);
      }
    }
  }
}

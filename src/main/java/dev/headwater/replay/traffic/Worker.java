package dev.headwater.replay.traffic;

import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A thread that works until it is done, fails or is closed. A failure ends it and is kept for
 * {@link #check}: nobody else would hear of it.
 */
public final class Worker implements AutoCloseable {

  /** Returns when done, and soon after {@code running} turns false. */
  public interface Body {
    void run(BooleanSupplier running) throws Exception;
  }

  private final Thread thread;
  private volatile boolean running = true;
  private volatile @Nullable Throwable failure;

  private Worker(String name, Body body) {
    this.thread = new Thread(() -> work(body), "replay-" + name);
    thread.setDaemon(true);
  }

  public static Worker start(String name, Body body) {
    Worker worker = new Worker(name, body);
    worker.thread.start();
    return worker;
  }

  /** Throws what ended this worker, if it failed. */
  public void check() {
    Throwable cause = failure;
    if (cause != null) {
      throw new IllegalStateException(thread.getName() + " failed: " + cause.getMessage(), cause);
    }
  }

  /** Asks it to stop and waits until it has. */
  @Override
  public void close() {
    running = false;
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // its clients are to be closed before the broker is, so wait on
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void work(Body body) {
    try {
      body.run(() -> running);
    } catch (Exception | Error e) {
      failure = e;
    }
  }
}

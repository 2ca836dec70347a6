package dev.headwater.replay.traffic;

import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A background thread that runs until it completes, fails or is closed. {@link #check} rethrows its
 * failure.
 */
public final class Worker implements AutoCloseable {

  /** The work of a thread. It returns when done, and soon after {@code running} turns false. */
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

  /** Throws an exception if this worker has failed. */
  public void check() {
    Throwable cause = failure;
    if (cause != null) {
      throw new IllegalStateException(thread.getName() + " failed: " + cause.getMessage(), cause);
    }
  }

  /** Requests the worker to stop and waits until it has. */
  @Override
  public void close() {
    running = false;
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // keep waiting: its clients must close before the broker
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

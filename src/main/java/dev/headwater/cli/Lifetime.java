package dev.headwater.cli;

import java.util.concurrent.CountDownLatch;

/** A shutdown hook that lets components close before the JVM halts on Ctrl-C or SIGTERM. */
final class Lifetime {
  private final CountDownLatch shutdownRequested = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  private Lifetime() {}

  /** Runs the body, which waits for the signal and closes its components. */
  static void untilSignalled(Body body) throws Exception {
    Lifetime lifetime = new Lifetime();
    Thread hook = new Thread(lifetime::stop, "shutdown");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      body.run(lifetime.shutdownRequested);
    } finally {
      lifetime.closed.countDown();
    }
  }

  /** Blocks until the body has returned, because the JVM halts when its hooks return. */
  private void stop() {
    shutdownRequested.countDown();
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Starts components, waits for the latch, and closes them. */
  interface Body {
    void run(CountDownLatch signalled) throws Exception;
  }
}

package dev.headwater.cli;

import java.util.concurrent.CountDownLatch;

/** From start to Ctrl-C or SIGTERM: components are closed before the JVM goes. */
final class Lifetime {
  private final CountDownLatch asked = new CountDownLatch(1);
  private final CountDownLatch closed = new CountDownLatch(1);

  private Lifetime() {}

  /** Waits for the signal; the caller's try-with-resources does the closing. */
  static void untilSignalled(Body body) throws Exception {
    Lifetime lifetime = new Lifetime();
    Thread hook = new Thread(lifetime::stop, "shutdown");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      body.run(lifetime.asked);
    } finally {
      lifetime.closed.countDown();
    }
  }

  /** The JVM halts when its hooks return, so this one returns when everything is closed. */
  private void stop() {
    asked.countDown();
    try {
      closed.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Starts, waits on the latch, closes. */
  interface Body {
    void run(CountDownLatch signalled) throws Exception;
  }
}

package dev.headwater.replay;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A Kafka broker in a child JVM, so that its heap, garbage collection and JIT compilation do not
 * affect the measured process. The CPU cores are shared. The child outlives a Ctrl-C, which reaches
 * both processes, and exits when this process exits for any reason.
 */
public final class BrokerProcess implements AutoCloseable {
  private final Process process;
  private final String bootstrapServers;

  private BrokerProcess(Process process, String bootstrapServers) {
    this.process = process;
    this.bootstrapServers = bootstrapServers;
  }

  /**
   * Starts a broker and waits until it accepts connections.
   *
   * @param directory log directory, empty or new
   * @param options JVM options of the child
   * @throws IOException if the broker does not start; its log contains the cause
   */
  public static BrokerProcess start(Path directory, String... options) throws IOException {
    Process process =
        JavaProcess.of(List.of(options), BrokerProcess.class.getName(), directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    String address = out.readLine();
    if (address == null) {
      throw new IOException("the broker process exited during startup; see its output above");
    }
    return new BrokerProcess(process, address);
  }

  public String bootstrapServers() {
    return bootstrapServers;
  }

  /** Closes the standard input of the child, which makes it exit, and waits for the exit. */
  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    JavaProcess.await(process);
  }

  /**
   * Runs the broker in the child process until standard input ends.
   *
   * @param args the log directory
   */
  public static void main(String[] args) {
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> join(main), "await-main"));
    try (EmbeddedBroker broker = EmbeddedBroker.start(Path.of(args[0]), Map.of())) {
      System.out.println(broker.bootstrapServers());
      while (System.in.read() >= 0) {
        // ignore the input and wait for its end
      }
    } catch (Throwable e) {
      // non-daemon threads of a half-started broker would keep this process and its parent waiting
      e.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

package dev.headwater.replay;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A broker in a JVM of its own, so that its heap, its garbage and what its code costs to compile
 * are not those of what is measured; the cores are shared all the same. Ends with this process,
 * whatever way that ends, and not before it: a Ctrl-C in a terminal reaches both.
 */
public final class BrokerProcess implements AutoCloseable {
  private final Process process;
  private final String bootstrapServers;

  private BrokerProcess(Process process, String bootstrapServers) {
    this.process = process;
    this.bootstrapServers = bootstrapServers;
  }

  /**
   * @param directory empty or new
   * @param options of its Java
   * @throws IOException if it does not come up; its log says why
   */
  public static BrokerProcess start(Path directory, String... options) throws IOException {
    Process process =
        JavaProcess.of(List.of(options), BrokerProcess.class.getName(), directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    String address = out.readLine();
    if (address == null) {
      throw new IOException("the broker's process ended before it was up");
    }
    return new BrokerProcess(process, address);
  }

  public String bootstrapServers() {
    return bootstrapServers;
  }

  /** The end of its input is what it waits for. */
  @Override
  public void close() throws IOException {
    process.getOutputStream().close();
    JavaProcess.await(process);
  }

  /**
   * The broker's own process: runs until its input ends.
   *
   * @param args the directory of its log
   */
  public static void main(String[] args) {
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> join(main), "outlive"));
    try (EmbeddedBroker broker = EmbeddedBroker.start(Path.of(args[0]), Map.of())) {
      System.out.println(broker.bootstrapServers());
      while (System.in.read() >= 0) {
        // whatever is said, only the end counts
      }
    } catch (Throwable e) {
      // a broker that is half up has threads that would keep this alive, and who waits for it
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

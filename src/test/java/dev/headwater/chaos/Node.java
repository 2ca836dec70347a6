package dev.headwater.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.stream.TestJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.MetadataVersion;

/**
 * One node of a Kafka cluster, broker and controller, in a JVM of its own, to be killed. Keeps its
 * ports and its log over that. Ends with this process, whatever way that ends.
 */
final class Node {
  private static final String UP = "up";
  private static final long PATIENCE_SECONDS = 60;

  final Path directory;
  private final Path settings;
  private final Path log;
  private Process process;

  /** Formats its directory; starts nothing yet. */
  Node(Path directory, String clusterId, Properties properties) throws Exception {
    this.directory = directory;
    this.settings = directory.resolveSibling(directory.getFileName() + ".properties");
    this.log = Path.of("target", "serve", directory.getFileName() + ".log");
    int id = Integer.parseInt(properties.getProperty("node.id"));
    new Formatter()
        .setNodeId(id)
        .setClusterId(clusterId)
        .addDirectory(directory.toString())
        .setMetadataLogDirectory(directory.toString())
        .setReleaseVersion(MetadataVersion.LATEST_PRODUCTION)
        .setControllerListenerName("CONTROLLER")
        .setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false, UTF_8))
        .run();
    try (OutputStream out = Files.newOutputStream(settings)) {
      properties.store(out, null);
    }
  }

  /** Returns at once: a quorum is up only together. */
  Node launch() throws IOException {
    ProcessBuilder node =
        TestJvm.of(log, "512m", Node.class, settings.toString())
            .redirectErrorStream(false)
            .redirectOutput(ProcessBuilder.Redirect.PIPE)
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    node.environment().put("NODE_LOG_LEVEL", "ERROR"); // why it does not come up
    process = node.start();
    return this;
  }

  void awaitUp() throws IOException {
    Reader out = new InputStreamReader(process.getInputStream(), UTF_8);
    if (!UP.equals(new BufferedReader(out).readLine())) {
      throw new IllegalStateException("the node did not come up; see " + log);
    }
  }

  long pid() {
    return process.pid();
  }

  /** SIGKILL; returns the exit code. */
  int kill() throws InterruptedException {
    process.destroyForcibly();
    return process.waitFor();
  }

  /** SIGTERM: leaders are handed over, the log is flushed; returns whether it ended so. */
  boolean stop() throws InterruptedException {
    process.destroy();
    boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
    if (!ended) {
      process.destroyForcibly();
    }
    process.waitFor();
    return ended;
  }

  /**
   * The node's own process: runs until it is told to stop, or its parent is gone.
   *
   * @param args the file of its settings
   */
  public static void main(String[] args) throws IOException {
    Properties properties = new Properties();
    try (Reader in = Files.newBufferedReader(Path.of(args[0]))) {
      properties.load(in);
    }
    KafkaRaftServer server = new KafkaRaftServer(new KafkaConfig(properties, false), Time.SYSTEM);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  server.shutdown();
                  server.awaitShutdown();
                }));
    server.startup();
    System.out.println(UP);
    while (System.in.read() >= 0) {
      // whatever is said, only the end counts
    }
    System.exit(0);
  }
}

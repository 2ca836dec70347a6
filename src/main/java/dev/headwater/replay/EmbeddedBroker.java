package dev.headwater.replay;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.common.MetadataVersion;

/**
 * A KRaft broker in this JVM, bound to loopback, with its log in a given directory. It is up when
 * {@link #start} returns. {@link #stop} and {@link #restart} keep its port and log, so that clients
 * see an outage of the same cluster.
 */
public final class EmbeddedBroker implements AutoCloseable {
  private static final int NODE = 1;

  private final KafkaConfig config;
  private final int port;
  private KafkaRaftServer server;

  private EmbeddedBroker(KafkaConfig config, int port) {
    this.config = config;
    this.port = port;
    this.server = run(config);
  }

  /** Formats {@code directory} (empty or new) and starts a broker on a free port. */
  public static EmbeddedBroker start(Path directory) {
    return start(directory, Map.of());
  }

  /** Starts a broker as {@link #start(Path)} does, with additional broker settings. */
  public static EmbeddedBroker start(Path directory, Map<String, String> overrides) {
    int[] ports = freePorts();
    format(directory);
    return new EmbeddedBroker(config(directory, ports[0], ports[1], overrides), ports[0]);
  }

  public String bootstrapServers() {
    return "localhost:" + port;
  }

  /** Shuts the broker down; its log stays. */
  public void stop() {
    server.shutdown();
    server.awaitShutdown();
  }

  /** Starts the stopped broker again on the same port and log. */
  public void restart() {
    server = run(config);
  }

  @Override
  public void close() {
    stop();
  }

  private static KafkaRaftServer run(KafkaConfig config) {
    KafkaRaftServer server = new KafkaRaftServer(config, Time.SYSTEM);
    server.startup();
    return server;
  }

  private static void format(Path directory) {
    try {
      new Formatter()
          .setNodeId(NODE)
          .setClusterId(Uuid.randomUuid().toString())
          .addDirectory(directory.toString())
          .setMetadataLogDirectory(directory.toString())
          .setReleaseVersion(MetadataVersion.LATEST_PRODUCTION)
          .setControllerListenerName("CONTROLLER")
          .setPrintStream(
              new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8))
          .run();
    } catch (Exception e) {
      throw new IllegalStateException("cannot format the log directory " + directory, e);
    }
  }

  private static KafkaConfig config(
      Path directory, int port, int controllerPort, Map<String, String> overrides) {
    Properties properties = new Properties();
    properties.putAll(
        Map.of(
            "process.roles",
            "broker,controller",
            "node.id",
            String.valueOf(NODE),
            "controller.quorum.voters",
            NODE + "@localhost:" + controllerPort,
            "listeners",
            "PLAINTEXT://localhost:" + port + ",CONTROLLER://localhost:" + controllerPort,
            "controller.listener.names",
            "CONTROLLER",
            "log.dirs",
            directory.toString(),
            "auto.create.topics.enable",
            "false"));
    // a single broker cannot hold the default three replicas of internal topics, and they do not
    // need 50 partitions each
    properties.putAll(
        Map.of(
            "offsets.topic.replication.factor", "1",
            "offsets.topic.num.partitions", "3",
            "transaction.state.log.replication.factor", "1",
            "transaction.state.log.min.isr", "1",
            "transaction.state.log.num.partitions", "3",
            "share.coordinator.state.topic.replication.factor", "1",
            "share.coordinator.state.topic.min.isr", "1",
            "group.initial.rebalance.delay.ms", "0",
            "log.cleaner.dedupe.buffer.size", "2097152"));
    properties.putAll(overrides);
    return new KafkaConfig(properties, false);
  }

  /** Returns two distinct free ports; holds both sockets open until both are found. */
  private static int[] freePorts() {
    InetAddress loopback = InetAddress.getLoopbackAddress();
    try (ServerSocket one = new ServerSocket(0, 1, loopback);
        ServerSocket other = new ServerSocket(0, 1, loopback)) {
      return new int[] {one.getLocalPort(), other.getLocalPort()};
    } catch (IOException e) {
      throw new UncheckedIOException("cannot find two free ports on loopback", e);
    }
  }
}

package dev.headwater.chaos;

import dev.headwater.stream.FreePort;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.Uuid;

/** One Kafka node or three, each a process. Of three, one may be lost. */
final class Cluster implements AutoCloseable {
  private final List<Node> nodes = new ArrayList<>();
  private final List<Proxy> proxies = new ArrayList<>();
  private final String bootstrapServers;

  /**
   * @param name of the directories and logs
   * @param proxied whether clients reach it through a proxy only
   */
  Cluster(Path directory, String name, int count, boolean proxied) throws Exception {
    List<Integer> ports = freePorts(count);
    List<Integer> controllers = freePorts(count);
    String voters =
        IntStream.range(0, count)
            .mapToObj(i -> i + 1 + "@localhost:" + controllers.get(i))
            .collect(Collectors.joining(","));
    String clusterId = Uuid.randomUuid().toString();
    List<String> advertised = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int port = ports.get(i);
      if (proxied) {
        proxies.add(new Proxy(port));
        port = proxies.get(i).port();
      }
      advertised.add("localhost:" + port);
      Properties settings = settings(count);
      settings.put("node.id", String.valueOf(i + 1));
      settings.put("controller.quorum.voters", voters);
      settings.put(
          "listeners",
          "PLAINTEXT://localhost:%d,CONTROLLER://localhost:%d"
              .formatted(ports.get(i), controllers.get(i)));
      settings.put("advertised.listeners", "PLAINTEXT://localhost:" + port);
      Path log = directory.resolve(name + "-node-" + (i + 1));
      settings.put("log.dirs", log.toString());
      nodes.add(new Node(log, clusterId, settings));
    }
    bootstrapServers = String.join(",", advertised);
    for (Node node : nodes) {
      node.launch();
    }
    for (Node node : nodes) {
      node.awaitUp();
    }
  }

  private static Properties settings(int count) {
    String replicas = String.valueOf(count);
    String enough = String.valueOf(count / 2 + 1);
    Properties settings = new Properties();
    settings.put("process.roles", "broker,controller");
    settings.put("controller.listener.names", "CONTROLLER");
    settings.put("auto.create.topics.enable", "false");
    settings.put("default.replication.factor", replicas);
    settings.put("min.insync.replicas", enough);
    settings.put("offsets.topic.replication.factor", replicas);
    settings.put("offsets.topic.num.partitions", "3");
    settings.put("transaction.state.log.replication.factor", replicas);
    settings.put("transaction.state.log.min.isr", enough);
    settings.put("transaction.state.log.num.partitions", "3");
    settings.put("share.coordinator.state.topic.replication.factor", replicas);
    settings.put("share.coordinator.state.topic.min.isr", enough);
    settings.put("group.initial.rebalance.delay.ms", "0");
    settings.put("log.cleaner.dedupe.buffer.size", "2097152");
    // what is lost is to be missed soon: members, transactions, nodes
    settings.put("group.min.session.timeout.ms", "1000");
    settings.put("group.streams.session.timeout.ms", "5000");
    settings.put("group.streams.min.session.timeout.ms", "5000");
    settings.put("group.streams.heartbeat.interval.ms", "500");
    settings.put("group.streams.min.heartbeat.interval.ms", "500");
    settings.put("transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000");
    // of one node nobody takes over, and a fence while it is only slow has no leader for anything;
    // but one that was killed waits as long before it may come back, and must be there before
    // transactions time out (10 s): see KAFKA-20734 in docs/explanation/fault-tests.md
    settings.put("broker.session.timeout.ms", count > 1 ? "4000" : "6000");
    settings.put("broker.heartbeat.interval.ms", "500");
    return settings;
  }

  String bootstrapServers() {
    return bootstrapServers;
  }

  List<Node> nodes() {
    return nodes;
  }

  /** Of the only node. */
  Node node() {
    return nodes.get(0);
  }

  /** Of the only node. */
  Proxy proxy() {
    return proxies.get(0);
  }

  @Override
  public void close() throws Exception {
    for (Node node : nodes) {
      node.kill();
    }
    for (Proxy proxy : proxies) {
      proxy.close();
    }
  }

  /** All held until the last is found, so that none comes twice. */
  private static List<Integer> freePorts(int count) throws IOException {
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ports.add(FreePort.next());
    }
    return ports;
  }
}

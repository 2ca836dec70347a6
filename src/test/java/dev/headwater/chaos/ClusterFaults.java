package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.internals.Topic;

/** What happens to three nodes. */
final class ClusterFaults {
  private ClusterFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("coordinators moved", ClusterFaults::move).nodes(3).underBothProtocols(),
        Fault.of("3 nodes, each lost in turn", ClusterFaults::lose).nodes(3).underBothProtocols());
  }

  /** Everything goes on without it; the next is lost only once it has caught up. */
  private static boolean lose(Run run) throws Exception {
    dev.headwater.chaos.Node node = run.cluster.nodes().get(run.fired() % 3);
    int code = node.kill();
    run.hit();
    run.awaitRecovery();
    node.launch().awaitUp();
    await()
        .atMost(PATIENCE)
        .ignoreExceptions() // while it comes back, not every question has an answer
        .until(() -> partitions(run).values().stream().allMatch(p -> p.isr().size() == 3));
    return code == 128 + 9;
  }

  /** Those of transactions and of groups, each to another node. */
  private static boolean move(Run run) throws Exception {
    Map<TopicPartition, TopicPartitionInfo> before = partitions(run);
    before
        .keySet()
        .removeIf(
            p ->
                !Set.of(Topic.TRANSACTION_STATE_TOPIC_NAME, Topic.GROUP_METADATA_TOPIC_NAME)
                    .contains(p.topic()));
    Map<TopicPartition, Optional<NewPartitionReassignment>> moved = new HashMap<>();
    before.forEach(
        (partition, info) -> moved.put(partition, Optional.of(other(info.leader(), info))));
    run.admin.alterPartitionReassignments(moved).all().get();
    await()
        .atMost(PATIENCE)
        .until(() -> run.admin.listPartitionReassignments().reassignments().get().isEmpty());
    run.admin.electLeaders(ElectionType.PREFERRED, moved.keySet()).partitions().get();
    run.hit();
    Map<TopicPartition, TopicPartitionInfo> after = partitions(run);
    return before.entrySet().stream()
        .noneMatch(was -> was.getValue().leader().id() == after.get(was.getKey()).leader().id());
  }

  /** The same replicas, another first. */
  private static NewPartitionReassignment other(Node leader, TopicPartitionInfo info) {
    List<Integer> replicas = new ArrayList<>(info.replicas().stream().map(Node::id).toList());
    while (!replicas.get(0).equals(leader.id())) {
      Collections.rotate(replicas, 1);
    }
    Collections.rotate(replicas, 1);
    return new NewPartitionReassignment(replicas);
  }

  private static Map<TopicPartition, TopicPartitionInfo> partitions(Run run) throws Exception {
    Set<String> topics =
        run.admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
    Map<TopicPartition, TopicPartitionInfo> partitions = new HashMap<>();
    for (TopicDescription topic : run.admin.describeTopics(topics).allTopicNames().get().values()) {
      for (TopicPartitionInfo partition : topic.partitions()) {
        partitions.put(new TopicPartition(topic.name(), partition.partition()), partition);
      }
    }
    return partitions;
  }
}

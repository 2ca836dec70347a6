package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmbeddedBrokerIT {
  @TempDir Path directory;

  @Test
  void keepsItsAddressAndTopicsOverARestart() throws Exception {
    try (EmbeddedBroker broker = EmbeddedBroker.start(directory)) {
      String address = broker.bootstrapServers();
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
        admin.createTopics(Set.of(new NewTopic("kept", 3, (short) 1))).all().get();
      }

      broker.stop();
      broker.restart();

      assertThat(broker.bootstrapServers()).isEqualTo(address);
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
        assertThat(admin.describeTopics(Set.of("kept")).allTopicNames().get().get("kept"))
            .as("the topic survives in the log")
            .satisfies(topic -> assertThat(topic.partitions()).hasSize(3));
      }
    }
  }
}

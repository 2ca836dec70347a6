package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.replay.report.ReplayReport;
import dev.headwater.stream.selection.Selection;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.admin.Admin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;
import org.testcontainers.kafka.KafkaContainer;

/** A replay on a broker that is given: Kafka's own image. */
@Testcontainers(disabledWithoutDocker = true)
class ReplayOnContainerIT {
  @Container private static final KafkaContainer KAFKA = new KafkaContainer("apache/kafka:4.3.1");

  @TempDir Path directory;

  @Test
  void learnsOnAGivenBrokerAndLeavesNoTopicBehind() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 1200, 50);
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(stream),
            List.of("label"),
            Map.of(),
            Optional.empty(),
            50, // twelve seconds of the drift: one stall of a busy machine is no failure
            Duration.ZERO,
            true,
            Optional.of(KAFKA.getBootstrapServers()),
            Optional.empty(),
            Optional.empty(),
            Duration.ofMinutes(2));

    Pipeline pipeline =
        Replays.pipeline(
            DriftingStream.bundle(directory.resolve("bundle")),
            directory,
            new Selection(.3, .9),
            Optional.empty(),
            (short) 1);

    ReplayReport report =
        new Replay(settings, pipeline, Replays.display(OutputStream.nullOutputStream()))
            .run(new CountDownLatch(1));

    assertThat(report.predictions()).isEqualTo(1200 - 1200 / 50);
    assertThat(report.deadLetters()).isEqualTo(1200 / 50);
    assertThat(report.duplicates()).isZero();
    assertThat(report.accuracy().adaptive().overall())
        .as(
            "what adapting gives, on the same records: %s, %s",
            report.accuracy(), report.versions())
        .isGreaterThan(report.accuracy().frozen().overall() + .1);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", KAFKA.getBootstrapServers()))) {
      assertThat(admin.listTopics().names().get()).noneMatch(name -> name.startsWith("replay-"));
    }
  }
}

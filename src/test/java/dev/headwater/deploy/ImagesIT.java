package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import com.github.dockerjava.api.command.WaitContainerResultCallback;
import com.github.dockerjava.api.model.Capability;
import dev.headwater.replay.DriftingStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.Network;
import org.testcontainers.containers.startupcheck.OneShotStartupCheckStrategy;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.junit.jupiter.Container;
import org.testcontainers.junit.jupiter.Testcontainers;
import org.testcontainers.kafka.KafkaContainer;
import org.testcontainers.utility.DockerImageName;

/** The built images as a cluster runs them: no root, no writable root file system, nothing more. */
@ExtendWith(EngineLock.class)
@Testcontainers(disabledWithoutDocker = true)
class ImagesIT {
  private static final Network NETWORK = Network.newNetwork();
  private static final String BROKER = "kafka:19092";
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final int GRACE_SECONDS = 30;
  private static final int TERMINATED = 128 + 15;
  private static final long LARGEST_SCORER = 450_000_000;

  @Container
  private static final KafkaContainer KAFKA =
      new KafkaContainer("apache/kafka:4.3.1").withNetwork(NETWORK).withListener(BROKER);

  private static String scorerImage;
  private static String trainerImage;

  private final DockerClient docker = DockerClientFactory.lazyClient();
  @TempDir Path directory;

  @BeforeAll
  static void build() throws Exception {
    scorerImage = Images.build("scorer");
    trainerImage = Images.build("trainer");
  }

  @Test
  void scorerStaysSmall() {
    assertThat(size(scorerImage) - size(Images.BASE))
        .as("bytes beyond %s", Images.BASE)
        .isLessThanOrEqualTo(LARGEST_SCORER);
  }

  @Test
  void onlyAnImageForCudaSaysThatItIsUntestedThere() {
    assertThat(docker.inspectImageCmd(trainerImage).exec().getConfig().getLabels())
        .containsEntry("dev.headwater.cuda", "");
  }

  /** Nothing is resolved or loaded again, on the machine that builds or on those that pull. */
  @Test
  void aChangeOfCodeMakesTheLastLayerAlone() throws Exception {
    Path tree = directory.resolve("tree");
    for (String part : List.of("Dockerfile", ".dockerignore", "pom.xml", ".mvn", "schemas")) {
      copy(tree, Path.of(part));
    }
    copy(tree, Path.of("src/main"));
    Path changed = tree.resolve("src/main/java/dev/headwater/cli/Main.java");
    Files.writeString(
        changed, Files.readString(changed) + System.lineSeparator() + "interface Changed {}");

    String image = Images.build("trainer", "changed", tree);

    List<String> before = layers(trainerImage);
    List<String> after = layers(image);
    int last = before.size() - 1;
    assertThat(after).hasSameSizeAs(before);
    assertThat(after.subList(0, last)).isEqualTo(before.subList(0, last));
    assertThat(after.get(last)).isNotEqualTo(before.get(last));
    assertThat(Files.readString(Images.log("trainer", "changed")))
        .containsPattern("\\[libraries 4/4] RUN .*\\R#\\d+ CACHED");
  }

  private static void copy(Path tree, Path part) throws IOException {
    try (Stream<Path> files = Files.walk(part)) {
      for (Path file : files.toList()) {
        Path copy = tree.resolve(file);
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy, StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }

  private List<String> layers(String image) {
    return docker.inspectImageCmd(image).exec().getRootFS().getLayers();
  }

  @Test
  void learnFromTheStreamAndDrainWhenToldToStop() throws Exception {
    configure();
    try (GenericContainer<?> topics = hardened(scorerImage, "topics", "create")) {
      topics.withStartupCheckStrategy(new OneShotStartupCheckStrategy()).start();
    }
    try (GenericContainer<?> scorer = hardened(scorerImage, "serve");
        GenericContainer<?> trainer = hardened(trainerImage, "train");
        Traffic traffic = new Traffic(KAFKA.getBootstrapServers(), "ship", stream())) {
      scorer.waitingFor(Wait.forHealthcheck().withStartupTimeout(PATIENCE)).start();
      trainer.waitingFor(Wait.forHealthcheck().withStartupTimeout(PATIENCE)).start();
      assertConfined(scorer);
      assertConfined(trainer);
      assertThat(scorer.execInContainer("ls", "lib").getStdout()).doesNotContain("pytorch");

      await().atMost(PATIENCE).until(() -> newestAfterMore(traffic) >= 1);

      traffic.send(500, false); // and it is told to stop in the middle of these
      assertDrains(scorer);
      docker.startContainerCmd(scorer.getContainerId()).exec();
      traffic.send(100, false);
      await().atMost(PATIENCE).until(() -> traffic.predictions() >= traffic.sent());
      assertDrains(trainer);
      assertDrains(scorer);
      assertThat(traffic.predictions()).as("each record once").isEqualTo(traffic.sent());
      assertThat(traffic.ids()).isEqualTo(traffic.sent());
    }
  }

  private static long newestAfterMore(Traffic traffic) throws IOException {
    traffic.send(20, true);
    traffic.predictions();
    return traffic.newest();
  }

  /** Of records that have turned already. */
  private Path stream() throws IOException {
    int size = 6000;
    Path file = DriftingStream.write(directory.resolve("stream.jsonl"), size, 0);
    List<String> lines = Files.readAllLines(file);
    return Files.write(file, lines.subList(size / 2, size));
  }

  private void configure() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    DriftingStream.bundle(directory.resolve("bundle"));
    Files.writeString(
        directory.resolve("config.yaml"),
        """
        name: ship
        bundle: {directory: /etc/headwater/bundle}
        kafka: {bootstrap.servers: "%s", group.instance.id: ship-0}
        topics: {partitions: 2, join-partitions: 2}
        selection: {audit-share: 0.3, budget: 1}
        """
            .formatted(BROKER));
  }

  private GenericContainer<?> hardened(String image, String... command) {
    String[] words = Arrays.copyOf(command, command.length + 2);
    words[command.length] = "--config";
    words[command.length + 1] = "/etc/headwater/config.yaml";
    return new GenericContainer<>(DockerImageName.parse(image))
        .withNetwork(NETWORK)
        .withImagePullPolicy(name -> false)
        .withFileSystemBind(directory.toString(), "/etc/headwater", BindMode.READ_ONLY)
        .withCommand(words)
        .withCreateContainerCmdModifier(
            create ->
                create
                    .getHostConfig()
                    .withReadonlyRootfs(true)
                    .withCapDrop(Capability.ALL)
                    .withSecurityOpts(List.of("no-new-privileges")))
        .withStartupTimeout(PATIENCE);
  }

  private static void assertConfined(GenericContainer<?> container) throws Exception {
    assertThat(container.execInContainer("id", "-u").getStdout().strip()).isEqualTo("10001");
    assertThat(container.execInContainer("touch", "/opt/headwater/x").getStderr())
        .contains("Read-only file system");
    assertThat(container.execInContainer("cat", "/proc/1/cmdline").getStdout())
        .as("no shell before the JVM, or SIGTERM would not reach it")
        .startsWith("java\0");
  }

  /** SIGKILL after the grace period would be another exit code. */
  private void assertDrains(GenericContainer<?> container) throws Exception {
    String id = container.getContainerId();
    docker.stopContainerCmd(id).withTimeout(GRACE_SECONDS).exec();
    docker
        .waitContainerCmd(id)
        .exec(new WaitContainerResultCallback())
        .awaitCompletion(GRACE_SECONDS, TimeUnit.SECONDS);
    ContainerState state = docker.inspectContainerCmd(id).exec().getState();
    assertThat(state.getExitCodeLong()).as(container.getLogs()).isEqualTo(TERMINATED);
  }

  private long size(String image) {
    return docker.inspectImageCmd(image).exec().getSize();
  }
}

package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundles;
import dev.headwater.schema.TopicNames;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@code topics acls} grants for reading the past again is enough, and none of it is too much:
 * with any one right taken away, the command it is printed for fails.
 */
class CommandRightsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  /** Every right is asked for by one of them. */
  private static final Map<Access.Role, List<List<String>>> COMMANDS =
      Map.of(
          Access.Role.RESCORER, List.of(List.of("rescore", "--to", "desk-again")),
          Access.Role.EMBEDDER, List.of(List.of("samples", "reembed", "--old", "OLD")),
          Access.Role.COMPARER,
              List.of(
                  List.of("compare", "--with", "OLD"),
                  List.of("compare", "--with", "OLD", "--predictions", "desk-again")));

  @TempDir static Path directory;
  private static SecureBroker broker;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void deploy() throws Exception {
    broker =
        new SecureBroker(
            Files.createDirectory(directory.resolve("tls")), "rescorer", "embedder", "comparer");
    Bundles.tabular(Files.createDirectory(directory.resolve("bundle")), 4, 2);
    for (String name : List.of("desk", "old")) {
      for (String user : List.of("admin", "rescorer", "embedder", "comparer")) {
        config(name, user);
      }
    }
    CommandRightsIT admin = new CommandRightsIT();
    admin.does("desk", "admin", "topics", "create");
    admin.does("old", "admin", "topics", "create");
    admin.does("old", "admin", "train", "--from", records().toString());
    admin.does("desk", "admin", "rescore", "--to", "desk-again");
  }

  @AfterAll
  static void undeploy() {
    broker.close();
  }

  @Test
  void rescoreNeedsExactlyWhatIsPrinted() throws Exception {
    assertNeeded(Access.Role.RESCORER, "rescorer");
    assertThat(out.toString()).contains("scored 40 records to desk-again, 0 invalid");
  }

  @Test
  void reembeddingNeedsExactlyWhatIsPrinted() throws Exception {
    assertNeeded(Access.Role.EMBEDDER, "embedder");
    assertThat(out.toString()).contains("embedded 40 of 40 labelled records");
  }

  @Test
  void comparingNeedsExactlyWhatIsPrinted() throws Exception {
    assertNeeded(Access.Role.COMPARER, "comparer");
    assertThat(out.toString()).contains("audit samples predicted by both");
  }

  private void assertNeeded(Access.Role role, String user) throws Exception {
    Access.Scope scope =
        new Access.Scope(
            "desk", TopicNames.prefixed("desk"), "desk-again", List.of(TopicNames.prefixed("old")));
    Access access = Access.of(role, scope, "User:CN=" + user);
    does("desk", "admin", "topics", "acls", "--old", file("old", "admin").toString());
    assertThat(out.toString())
        .as("what is printed is what is granted here")
        .contains(access.arguments().stream().map(a -> a.replace("CN=", "")).toList());
    broker.allow(access.bindings());
    awaitAll(role, user, "with all rights", true);
    try (Admin admin = Admin.create(broker.withCertificate("admin"))) {
      for (AclBinding right : access.bindings()) {
        err.getBuffer().setLength(0);
        admin.deleteAcls(List.of(right.toFilter())).all().get();
        awaitAll(role, user, "without " + right, false);
        assertThat(err.toString()).as("without " + right).contains("uthoriz");
        broker.allow(List.of(right));
        awaitAll(role, user, "with all rights again", true);
      }
    }
  }

  /** A change of rights reaches the broker's parts a moment after it is acknowledged. */
  private void awaitAll(Access.Role role, String user, String rights, boolean work) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(COMMANDS.get(role).stream().allMatch(c -> run("desk", user, c) == 0))
                    .as("%s works, %s: %s", role, rights, err)
                    .isEqualTo(work));
  }

  private void does(String deployment, String user, String... words) {
    assertThat(run(deployment, user, List.of(words))).as(err.toString()).isZero();
  }

  private int run(String deployment, String user, List<String> words) {
    List<String> all = new ArrayList<>(words);
    all.replaceAll(word -> word.equals("OLD") ? file("old", user).toString() : word);
    all.addAll(List.of("--config", file(deployment, user).toString()));
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(all.toArray(String[]::new));
  }

  private static Path file(String deployment, String user) {
    return directory.resolve(deployment + "-" + user + ".yaml");
  }

  private static void config(String name, String user) throws Exception {
    StringBuilder text =
        new StringBuilder(
            """
            name: %s
            state-dir: %s
            bundle: {directory: %s}
            topics: {records: [desk-records], partitions: 1, join-partitions: 1}
            adapt: {device: cpu}
            kafka:
            """
                .formatted(name, directory.resolve("state"), directory.resolve("bundle")));
    broker
        .withCertificate(user)
        .forEach((key, value) -> text.append("  %s: %s%n".formatted(key, value)));
    Files.writeString(file(name, user), text);
  }

  /** On the topic, and as labelled history, so that the old deployment has samples of them. */
  private static Path records() throws Exception {
    List<String> lines =
        Stream.iterate(0, i -> i + 1)
            .limit(40)
            .map(
                i ->
                    "{\"id\":\"r%d\",\"x\":[%d,%d,0,1],\"label\":\"label-%d\"}"
                        .formatted(i, i % 2 * 4 - 2, i % 5, i % 2))
            .toList();
    try (Producer<byte[], byte[]> producer =
        new KafkaProducer<>(
            broker.withCertificate("admin"),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (String line : lines) {
        producer.send(new ProducerRecord<>("desk-records", line.getBytes(UTF_8))).get();
      }
    }
    return Files.write(directory.resolve("history.jsonl"), lines);
  }
}

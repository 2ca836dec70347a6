package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.replay.Browser;
import dev.headwater.replay.Usable;
import dev.headwater.stream.FreePort;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/**
 * The pages of a scorer, which shows the whole loop, and of a trainer at work in a real browser,
 * and a canary on them.
 */
class PagesIT extends CommandedDeployment {
  /** The newest version that the gate accepted and that somebody has to approve; 0 for none. */
  private static final String WAITING =
      """
      const row = [...document.querySelectorAll('#lineage tr')].find(r => r.cells[5].textContent === 'accepted');
      return row ? parseInt(row.cells[0].textContent, 10) : 0;
      """;

  private static final List<String> SCORER = List.of("confidence", "labels", "latency", "flow");
  private static final List<String> TRAINER =
      List.of("accuracy", "calibration", "drift", "training");

  private static final List<String> WHOLE =
      Stream.concat(SCORER.stream(), TRAINER.stream()).toList();

  private int rounds;

  @Test
  void showAStreamATrainingAndACanary() throws Exception {
    int trainerPort = FreePort.next();
    Files.writeString(
        config,
        Files.readString(config)
            .replace(
                "http: {",
                "http: {trainer-port: %1$d, trainer: \"http://127.0.0.1:%1$d\", "
                    .formatted(trainerPort)));
    assertThat(run("topics", "create")).isZero();
    try (Browser browser = Browser.open(directory.resolve("profile"));
        Running scorer = Running.start("serve", config, port);
        Running trainer = Running.start("train", config, trainerPort)) {
      await().atMost(PATIENCE).until(() -> scorer.status("/health/ready") == 200);
      await().atMost(PATIENCE).until(() -> trainer.status("/health/ready") == 200);

      browser.show("http://127.0.0.1:" + port + "/");
      send();
      shows(browser, "scorer", SCORER);
      follows(browser, "Records");
      awaitWaiting(browser);
      tries(browser, scorer, waiting(browser));
      shows(browser, "scorer", TRAINER);
      follows(browser, "Samples in memory");
      assertThat(browser.text("#cause"))
          .containsPattern("Trainer: kind: \\d+ samples in memory, head \\d+ is live");
      isUsable(browser, "scorer", WHOLE);
      assertThat(browser.complaints()).isEmpty();

      browser.show("http://127.0.0.1:" + trainerPort + "/");
      shows(browser, "trainer", TRAINER);
      follows(browser, "Samples in memory");
      assertThat(browser.text("#tiles")).contains("Live head").doesNotContain("Canary");
      assertThat(browser.text("#lineage")).contains("accepted").contains("(live)");
      isUsable(browser, "trainer", TRAINER);
      assertThat(browser.complaints()).isEmpty();

      staysAliveWhileTheBrokerIsDown(scorer, trainer);

      browser.show("http://127.0.0.1:" + port + "/");
      trainer.close();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(browser.text("#cause"))
                      .contains("Trainer: no response from http://127.0.0.1:" + trainerPort));
      assertThat(browser.text("#state")).as("of the scorer").isEqualTo("ready");
      follows(browser, "Records");
      assertThat(browser.complaints()).isEmpty();
    }
  }

  /** Nothing that restarts what is not alive could bring the broker back. */
  private void staysAliveWhileTheBrokerIsDown(Running scorer, Running trainer) throws Exception {
    broker.stop();
    await().atMost(PATIENCE).until(() -> trainer.status("/health/ready") == 503);
    assertThat(trainer.body("/health/ready")).contains("broker unreachable");
    assertThat(trainer.status("/health/live")).isEqualTo(200);
    assertThat(scorer.status("/health/live")).isEqualTo(200);
    broker.restart();
    await().atMost(PATIENCE).until(() -> trainer.status("/health/ready") == 200);
    await().atMost(PATIENCE).until(() -> scorer.status("/health/ready") == 200);
  }

  private static void shows(Browser browser, String role, List<String> panels) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(browser.text("#name")).isEqualTo("desk" + role);
              assertThat(browser.text("#state")).isEqualTo("ready");
              for (String panel : panels) {
                assertThat(browser.count("#" + panel + " canvas")).as(panel).isEqualTo(1);
              }
            });
  }

  private static void isUsable(Browser browser, String role, List<String> panels)
      throws IOException {
    Usable.toScreenReaders(browser, panels);
    Usable.byKeyboard(browser);
    Usable.toEyes(browser, role + "-page");
  }

  /** A number that traffic moves moves without the page being loaded again. */
  private void follows(Browser browser, String tile) throws IOException {
    browser.ask("window.loaded = true;");
    String before = tile(browser, tile);
    assertThat(before).as(tile).isNotEmpty();
    send();
    await().atMost(PATIENCE).until(() -> !tile(browser, tile).equals(before));
    assertThat(browser.ask("return window.loaded === true;")).isEqualTo(true);
  }

  private void tries(Browser browser, Running scorer, long version) throws Exception {
    assertThat(scorer.body("/metrics"))
        .contains("headwater_canary_share_ratio{task=\"kind\"} 0.0")
        .contains("headwater_canary_version{task=\"kind\"} NaN");

    assertThat(run("heads", "canary", "" + version, "--share", "0.3")).as(err.toString()).isZero();
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(tile(browser, "Canary"))
                    .isEqualTo("head " + version + "for 30.0 % of the keys"));
    assertThat(browser.text("#lineage")).contains(version + " (canary)");
    assertThat(browser.text("#news")).contains("Head " + version + " serves 30.0 % of the keys");
    assertThat(scorer.body("/metrics"))
        .contains("headwater_canary_share_ratio{task=\"kind\"} 0.3")
        .contains("headwater_canary_version{task=\"kind\"} " + version + ".0");

    assertThat(run("heads", "approve", "" + version)).as(err.toString()).isZero();
    await().atMost(PATIENCE).until(() -> tile(browser, "Canary").isEmpty());
    assertThat(browser.text("#lineage")).contains(version + " (live)").doesNotContain("canary");
    assertThat(browser.text("#news")).contains("Head " + version + " is live.");
  }

  /** Sixty samples may be too few to tell that a head is better. */
  private void awaitWaiting(Browser browser) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(5))
        .until(
            () -> {
              if (waiting(browser) == 0) {
                send();
              }
              return waiting(browser) > 0;
            });
  }

  private static long waiting(Browser browser) {
    return (Long) browser.ask(WAITING);
  }

  /** What is under a title; empty where there is no such tile. */
  private static String tile(Browser browser, String title) {
    return (String)
        browser.ask(
            """
            const title = [...document.querySelectorAll('#tiles dt')].find(e => e.textContent === arguments[0]);
            return title ? title.nextElementSibling.textContent : '';
            """,
            title);
  }

  /** Labelled records of two kinds, sixty of them. */
  private void send() throws IOException {
    String round = "\"r" + rounds++ + "-";
    try (Producer<String, String> producer =
        new KafkaProducer<>(kafka(), new StringSerializer(), new StringSerializer())) {
      for (String record : Files.readAllLines(history())) {
        producer.send(new ProducerRecord<>("desk-records", record.replace("\"h", round)));
      }
    }
  }
}

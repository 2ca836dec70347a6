package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.heads.HeadPublisher;
import dev.headwater.schema.HeadInfo;
import java.time.Duration;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.Test;

class TrainerIT extends TrainerDeployment {
  private volatile Runnable atJudged = () -> {};

  @Test
  void learnsFromTheTopicAndPutsWhatItLearnedLive() throws Exception {
    try (Trainer trainer = started()) {
      send(60);

      awaitLive(1);
      assertThat(trainer.health().up()).as(trainer.health().cause()).isTrue();
      HeadInfo info = head(liveVersion());
      assertThat(info.verdict().accepted()).isTrue();
      assertThat(info.labels()).contains("label-0", "label-1", "label-2", "l0", "l1", "l2");
      assertThat(info.device()).isEqualTo("cpu");
      assertThat(info.trigger()).isEqualTo("samples");
    }
  }

  @Test
  void whatIsNoSampleOrNotItsOwnIsPassedOver() throws Exception {
    sendBytes("junk".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    Samples foreign =
        new Samples(bundle.task().name(), "another backbone", bundle.task().split().dim());
    for (int i = 0; i < 20; i++) {
      sendBytes(bytes(foreign, "foreign-" + i, i));
    }
    try (Trainer trainer = started()) {
      send(60);

      awaitLive(1);
      assertThat(head(liveVersion()).verdict().numbers().get("memory")).isLessThanOrEqualTo(60);
    }
  }

  @Test
  void comesBackToASoundHeadWhereTheLiveOneIsDamaged() throws Exception {
    String task = bundle.task().name();
    send(60);
    try (Trainer trainer = started()) {
      awaitLive(1);
      awaitIdle();
    }
    long damaged = liveVersion();
    sendTo(topics.heads().name(), "head/%s/%d/0".formatted(task, damaged), new byte[100]);

    try (Trainer trainer = started()) {
      awaitUp(trainer);

      assertThat(live().info().version()).isNotEqualTo(damaged);
    }
  }

  @Test
  void aPinHoldsTheLiveHeadWhileCandidatesAreStillJudged() throws Exception {
    try (Trainer trainer = started()) {
      awaitUp(trainer);
      try (HeadPublisher operator = publisher("operator")) {
        operator.point(bundle.task().name(), 0, true, "cli");
      }
      send(60);

      await()
          .atMost(PATIENCE)
          .until(
              () -> heads().versions(bundle.task().name()).stream().anyMatch(h -> h.version() > 0));
      assertThat(liveVersion()).isZero();
    }
  }

  @Test
  void aTrainerThatStartsAnewJudgesOnlyWhatIsNewToTheLiveHead() throws Exception {
    long first;
    try (Trainer trainer = started()) {
      awaitUp(trainer);
      send(60);
      awaitLive(1);
      awaitIdle();
      first = heads().nextVersion(bundle.task().name());
      assertThat(intakes).as("looks that brought something").hasPositiveValue();
    }
    long through = trainedThrough();
    try (Trainer trainer = started()) {
      send(12);

      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > first);
      HeadInfo next = head(first);
      assertThat((long) next.verdict().judged()).isLessThanOrEqualTo(sent - through - 1);
      assertThat(next.verdict().numbers().get("memory")).isGreaterThan(60);
    }
  }

  @Test
  void learnsOnFromASamplesTopicThatWasMadeAnew() throws Exception {
    try (Trainer trainer = started()) {
      send(60);
      awaitLive(1);
      awaitIdle();
    }
    makeSamplesAnew();
    long next = heads().nextVersion(bundle.task().name());
    try (Trainer trainer = started()) {
      awaitUp(trainer);
      send((int) trainedThrough()); // by their offsets, all were learned from

      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > next);
      assertThat(head(next).verdict().judged()).isPositive();
    }
  }

  @Test
  void aSecondTrainerFencesTheFirstWhichStopsAndSaysSo() throws Exception {
    try (Trainer first = started()) {
      awaitUp(first);
      try (Trainer second = started()) {
        awaitUp(second);
        await()
            .atMost(PATIENCE)
            .pollInterval(Duration.ofSeconds(1))
            .until(
                () -> {
                  send(20); // it learns of the other when it writes, and not every time it may
                  return first.health().cause().contains("taken over");
                });
        assertThat(first.health().up()).isFalse();
        await().atMost(PATIENCE).until(() -> !first.live().up());
        assertThat(second.live().up()).isTrue();
        awaitLive(1);
        assertThat(second.health().up()).as(second.health().cause()).isTrue();
      }
    }
  }

  /** As a process that was stopped finds its calls timed out once it goes on. */
  @Test
  void whatBeginsAgainAfterAPauseDoesNotTakeOverFromItsSuccessor() throws Exception {
    try (HeadPublisher successor = publisher("-trainer")) {
      atJudged =
          () -> {
            atJudged = () -> {};
            successor.read();
            throw new TimeoutException("no answer while the process was stopped");
          };
      try (Trainer trainer = started()) {
        send(60);

        await().atMost(PATIENCE).until(() -> !trainer.live().up());
        assertThat(trainer.health().cause()).contains("taken over");
        successor.promote(bundle.task().head().orElseThrow().numbered(7), "trainer");
        assertThat(liveVersion()).as("nobody has taken over from it").isEqualTo(7);
      }
    }
  }

  @Test
  void anotherWriterMayTakeTheVersionWhileItTrains() throws Exception {
    try (HeadPublisher operator = publisher("operator")) {
      atJudged =
          () -> {
            HeadInfo own = bundle.task().head().orElseThrow().numbered(1).info();
            operator.publishRejected(own);
            atJudged = () -> {};
          };
      try (Trainer trainer = started()) {
        send(60);

        awaitLive(2);
        assertThat(head(1).trigger()).as("the operator's").isEqualTo("bundle");
        assertThat(head(2).trigger()).isEqualTo("samples");
        assertThat(trainer.live().up()).as(trainer.live().cause()).isTrue();
      }
    }
  }

  @Override
  void onJudged() {
    atJudged.run();
  }

  @Test
  void waitsForABrokerThatIsAwayAndLearnsOn() throws Exception {
    try (Trainer trainer = started()) {
      send(60);
      awaitLive(1);
      long before = heads().nextVersion(bundle.task().name());
      broker.stop();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(trainer.health().up()).isFalse();
                assertThat(trainer.health().cause()).contains("broker");
              });
      assertThat(trainer.live().up()).as("it waits").isTrue();
      broker.restart();
      send(60);

      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .until(() -> heads().nextVersion(bundle.task().name()) > before);
      await().atMost(PATIENCE).until(() -> trainer.health().up());
    }
  }

  @Test
  void closingIsIdempotentAndEndsTheWork() throws Exception {
    Trainer trainer = started();
    send(200);

    trainer.close();
    trainer.close();

    assertThat(trainer.health().up()).isFalse();
    assertThat(trainer.health().cause()).isEqualTo("closed");
  }

  private long trainedThrough() {
    return head(liveVersion()).verdict().numbers().get("trainedThrough.0").longValue();
  }
}

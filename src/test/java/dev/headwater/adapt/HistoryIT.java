package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.HeadInfo;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The tasks of one bundle, from labelled records that do not have a label for each of them. */
class HistoryIT extends TrainerDeployment {
  private static final Map<String, String> FIELDS = Map.of("kind", "label", "size", "size");

  @TempDir Path own;
  private final List<String> said = new ArrayList<>();
  private String hidden = "";
  private int records = 90;

  @Test
  void teachesEveryTaskThatHasLabels() throws Exception {
    List<HeadInfo> first = train(labelled(true));

    assertThat(first).extracting(HeadInfo::task).containsExactly("kind", "size");
    assertThat(first.get(1).labels()).containsExactlyInAnyOrder("big", "small");
    assertThat(first.get(1).verdict().numbers()).containsEntry("memory", 45.0);
    assertThat(first.get(0).verdict().numbers()).containsEntry("memory", 90.0);
  }

  @Test
  void teachesANewHeadWithLayersOfItsOwn() throws Exception {
    hidden = ", hidden: [8]";
    records = 400;

    HeadInfo size = train(labelled(true)).get(1);

    assertThat(size.labels()).containsExactlyInAnyOrder("big", "small");
    assertThat(size.verdict().numbers().get("candidateAccuracy")).isGreaterThan(.8);
  }

  @Test
  void leavesATaskAloneThatHasNone() throws Exception {
    assertThat(train(labelled(false))).extracting(HeadInfo::task).containsExactly("kind");
    assertThat(said)
        .contains("size: skipped: no line has a valid record and a label in field 'size'");
  }

  @Test
  void beginsATaskThatCameWhenAnotherHadLearned() throws Exception {
    try (HeadPublisher publisher = publisher("before")) {
      publisher.promote(bundle.task().head().orElseThrow().numbered(1), "trainer");
    }
    Path sizes = Files.writeString(own.resolve("sizes.jsonl"), unlabelled(labelled(true)));

    assertThat(train(sizes)).extracting(HeadInfo::task).containsExactly("size");
    assertThatThrownBy(() -> train(labelled(false)))
        .hasMessageContaining("of kind is already live");
  }

  @Test
  void goesOnWhereItWasEndedBetweenTwoTasks() throws Exception {
    try (HeadPublisher publisher = publisher("before")) {
      publisher.promote(bundle.task().head().orElseThrow().numbered(1), "history");
    }

    assertThat(train(labelled(true))).extracting(HeadInfo::task).containsExactly("size");
    assertThat(said).contains("kind: skipped: head 1 is already live");
  }

  private static String unlabelled(Path lines) throws Exception {
    return Files.readString(lines).replaceAll("\"label\": \"[^\"]*\"", "\"other\": 0");
  }

  @Test
  void refusesRecordsWithoutAnyLabel() throws Exception {
    Path file =
        Files.writeString(own.resolve("bare.jsonl"), "{\"id\": \"a\", \"x\": [1, 2, 3, 4]}");

    assertThatThrownBy(() -> train(file)).hasMessageContaining("no line of " + file);
    assertThat(said).anySatisfy(line -> assertThat(line).contains("line 1").contains("'label'"));
  }

  @Test
  void refusesAFileThatIsNoText() throws Exception {
    Path file = Files.write(own.resolve("binary.jsonl"), new byte[] {(byte) 0xff, (byte) 0xfe});

    assertThatThrownBy(() -> train(file)).hasMessage(file + " is not UTF-8");
  }

  private Path labelled(boolean sizes) throws Exception {
    Random random = new Random(3);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < records; i++) {
      double first = random.nextGaussian();
      String size =
          sizes && i % 2 == 0 ? ", \"size\": \"%s\"".formatted(first > 0 ? "big" : "small") : "";
      lines.add(
          "{\"id\": \"h%d\", \"x\": [%s, 0, 1, 0], \"label\": \"label-%d\"%s}"
              .formatted(i, first, i % 3, size));
    }
    return Files.write(own.resolve("history.jsonl"), lines);
  }

  private List<HeadInfo> train(Path file) throws Exception {
    Path at = Files.createDirectories(own.resolve("bundle"));
    Bundles.twoTasks(at, 4, 3);
    Bundle two =
        Bundles.load(
            at,
            Files.readString(at.resolve("headwater.yaml"))
                .replace("head: none", "head: none" + hidden));
    try (Scoring scoring =
        Scoring.load(two, new ScoringSettings(1, 1, 16, false), ScorerMetrics.NOOP)) {
      return new History(
              AdaptSettings.of(name),
              new Gates(GateSettings.DEFAULT),
              two,
              scoring,
              topics,
              kafka(),
              Clock.systemUTC(),
              said::add)
          .train(file, FIELDS);
    }
  }
}

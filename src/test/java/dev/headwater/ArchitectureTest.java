package dev.headwater;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The arrows between the rooms: imports only go down in rank. */
class ArchitectureTest {
  private static final String ROOT = "dev.headwater";

  private static final Map<String, Integer> RANKS =
      Map.ofEntries(
          Map.entry("schema", 0),
          Map.entry("metrics", 0),
          Map.entry("onnx", 0),
          Map.entry("bundle", 1),
          Map.entry("scoring", 2),
          Map.entry("heads", 2),
          Map.entry("gate", 2),
          Map.entry("labelling", 2),
          Map.entry("tail", 2),
          Map.entry("stream", 3),
          Map.entry("adapt", 3),
          Map.entry("http", 4),
          Map.entry("replay", 4),
          Map.entry("bench", 5),
          Map.entry("config", 5),
          Map.entry("cli", 6));

  private final JavaClasses classes =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages(ROOT);

  @Test
  void everyRoomHasARank() {
    Set<String> rooms =
        classes.stream()
            .map(type -> room(type.getPackageName()))
            .collect(Collectors.toCollection(TreeSet::new));

    assertThat(RANKS.keySet()).as("rooms with a rank").containsAll(rooms);
    assertThat(rooms).as("ranks without a room are stale").containsAll(RANKS.keySet());
  }

  @Test
  void importsOnlyGoDownInRank() {
    for (JavaClass type : classes) {
      int rank = RANKS.get(room(type.getPackageName()));
      assertThat(type.getDirectDependenciesFromSelf())
          .filteredOn(arrow -> arrow.getTargetClass().getPackageName().startsWith(ROOT))
          .extracting(arrow -> room(arrow.getTargetClass().getPackageName()))
          .filteredOn(target -> !target.equals(room(type.getPackageName())))
          .as("rooms that %s (rank %d) imports", type.getName(), rank)
          .allSatisfy(target -> assertThat(RANKS.get(target)).as(target).isLessThan(rank));
    }
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching(ROOT + ".(*)..").should().beFreeOfCycles().check(classes);
  }

  @Test
  void onlyScoringRunsOnnxSessionsAndTheBenchToCompare() {
    only("ai.onnxruntime..", "scoring", "bench");
  }

  @Test
  void onlyStreamKnowsKafkaStreamsAndTheBenchToCompare() {
    only("org.apache.kafka.streams..", "stream", "bench");
  }

  @Test
  void onlyAdaptTrains() {
    only("ai.djl.training..", "adapt");
  }

  @Test
  void onlyAdaptAndTailKnowPyTorch() {
    only("ai.djl.pytorch..", "adapt", "tail");
    only("ai.djl.ndarray..", "adapt", "tail");
  }

  @Test
  void everyPackageSaysWhatItHolds() throws IOException {
    for (String room : RANKS.keySet()) {
      Path info = Path.of("src/main/java/dev/headwater", room, "package-info.java");
      assertThat(info).exists();
      assertThat(Files.readString(info)).as(room).startsWith("/** ").contains("@NullMarked");
    }
  }

  /** These rooms, each of which does: a rule about a package that nobody uses holds nothing. */
  private void only(String packages, String... rooms) {
    String[] inside =
        Arrays.stream(rooms).map(room -> ROOT + "." + room + "..").toArray(String[]::new);
    for (String room : inside) {
      assertThat(classes.that(resideInAPackage(room)))
          .as("%s knows %s", room, packages)
          .anyMatch(
              type ->
                  type.getDirectDependenciesFromSelf().stream()
                      .anyMatch(arrow -> resideInAPackage(packages).test(arrow.getTargetClass())));
    }
    noClasses()
        .that()
        .resideOutsideOfPackages(inside)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(packages)
        .check(classes);
  }

  private static String room(String packageName) {
    return packageName.equals(ROOT)
        ? ""
        : packageName.substring(ROOT.length() + 1).split("\\.", 2)[0];
  }
}

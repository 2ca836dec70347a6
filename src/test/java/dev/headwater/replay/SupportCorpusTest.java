package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The demo's corpus: written by people for people, so nothing in it may be a copy or a template.
 */
class SupportCorpusTest {
  private static final double TOKEN_LIMIT = .7;
  private static final double TRIGRAM_LIMIT = .6;
  private static final int LAUNCHED = 8;

  private final List<Line> history = read("history.jsonl");
  private final List<Line> stream = read("stream.jsonl");
  private final List<Line> all = Stream.concat(history.stream(), stream.stream()).toList();

  private record Line(String id, String text, String label) {}

  @Test
  void hasTwentyIntentsAndThirtyUtterancesOfEach() {
    Map<String, Long> sizes =
        all.stream()
            .collect(Collectors.groupingBy(Line::label, TreeMap::new, Collectors.counting()));

    assertThat(sizes).hasSizeGreaterThanOrEqualTo(20);
    assertThat(sizes)
        .allSatisfy((intent, n) -> assertThat(n).as(intent).isGreaterThanOrEqualTo(30));
  }

  @Test
  void saysNothingTwice() {
    assertThat(all).extracting(Line::id).doesNotHaveDuplicates();
    assertThat(all)
        .extracting(line -> String.join(" ", words(line.text())))
        .as("history and stream are disjoint, and each utterance is streamed once")
        .doesNotHaveDuplicates();
  }

  @Test
  void holdsNoNearDuplicates() {
    List<Set<String>> words = all.stream().map(line -> Set.copyOf(words(line.text()))).toList();
    List<Set<String>> trigrams = all.stream().map(line -> trigrams(line.text())).toList();
    List<String> found = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (jaccard(words.get(i), words.get(j)) >= TOKEN_LIMIT
            || jaccard(trigrams.get(i), trigrams.get(j)) >= TRIGRAM_LIMIT) {
          found.add(all.get(j).text() + " ~ " + all.get(i).text());
        }
      }
    }

    assertThat(found).isEmpty();
  }

  @Test
  void wouldCatchATemplate() {
    String first = "Hi, I would like to cancel my order for the blue lamp please";
    String second = "Hi, I would like to cancel my order for the red sofa please";

    assertThat(jaccard(Set.copyOf(words(first)), Set.copyOf(words(second))))
        .as("a slot filled twice is a near-duplicate")
        .isGreaterThanOrEqualTo(TOKEN_LIMIT);
    assertThat(jaccard(trigrams("wheres my parcel??"), trigrams("where's my parcel")))
        .isGreaterThanOrEqualTo(TRIGRAM_LIMIT);
  }

  @Test
  void launchesEightIntentsMidStreamAndKeepsTheOthersComing() {
    Set<String> known = history.stream().map(Line::label).collect(Collectors.toSet());
    Map<String, Integer> first = new TreeMap<>();
    IntStream.range(0, stream.size()).forEach(i -> first.putIfAbsent(stream.get(i).label(), i));
    Set<String> launched = new TreeSet<>(first.keySet());
    launched.removeAll(known);
    List<Line> tail = stream.subList(stream.size() * 4 / 5, stream.size());

    assertThat(launched).hasSize(LAUNCHED);
    assertThat(launched)
        .as("no one knows them before a fifth of the stream has passed")
        .allSatisfy(
            intent -> assertThat(first.get(intent)).as(intent).isGreaterThan(stream.size() / 5));
    assertThat(tail)
        .extracting(Line::label)
        .as("all intents")
        .containsAll(known)
        .containsAll(launched);
    assertThat(first.keySet()).as("every known intent is streamed").containsAll(known);
  }

  private static List<Line> read(String name) {
    try {
      List<Line> lines = new ArrayList<>();
      for (String line : Files.readAllLines(Path.of("deploy/examples/support", name))) {
        JsonNode node = Json.MAPPER.readTree(line);
        lines.add(
            new Line(
                node.required("id").textValue(),
                node.required("text").textValue(),
                node.required("label").textValue()));
      }
      return lines;
    } catch (IOException e) {
      throw new AssertionError(name, e);
    }
  }

  private static List<String> words(String text) {
    return Stream.of(text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}]+"))
        .filter(word -> !word.isEmpty())
        .toList();
  }

  private static Set<String> trigrams(String text) {
    String plain = String.join(" ", words(text));
    return IntStream.rangeClosed(0, plain.length() - 3)
        .mapToObj(i -> plain.substring(i, i + 3))
        .collect(Collectors.toCollection(HashSet::new));
  }

  private static double jaccard(Set<String> a, Set<String> b) {
    Set<String> smaller = a.size() < b.size() ? a : b;
    Set<String> larger = smaller == a ? b : a;
    long both = smaller.stream().filter(larger::contains).count();
    long either = a.size() + b.size() - both;
    return either == 0 ? 1 : (double) both / either;
  }
}

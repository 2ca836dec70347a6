package dev.headwater;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Identifiers, strings and documents use the standard terms: {@code words.txt} lists the others.
 */
class WordsTest {
  private static final Path LIST = Path.of("src/test/resources/dev/headwater/words.txt");
  private static final Pattern TEXT =
      Pattern.compile(".*\\.(java|xml|html|md|ya?ml|json|avsc|txt|tpl)|.*/Dockerfile");

  /** Released schemas do not change. */
  private static final Path RELEASED = Path.of("schemas/released");

  private record Entry(Pattern word, String replacement) {}

  @Test
  void textUsesStandardTerms() throws IOException {
    List<Entry> entries = new ArrayList<>();
    List<String> kept = new ArrayList<>();
    for (String line : Files.readAllLines(LIST)) {
      if (line.startsWith("#")) {
        continue;
      }
      String[] parts = line.split(" = ", 2);
      if (parts[0].equals("keep")) {
        kept.add(parts[1]);
      } else {
        entries.add(
            new Entry(
                Pattern.compile("\\b(" + parts[0] + ")\\b", Pattern.CASE_INSENSITIVE), parts[1]));
      }
    }
    Pattern keep = Pattern.compile(String.join("|", kept));

    List<String> found = new ArrayList<>();
    for (Path file : files()) {
      List<String> lines = Files.readAllLines(file);
      for (int i = 0; i < lines.size(); i++) {
        String words = words(keep.matcher(lines.get(i)).replaceAll(""));
        for (Entry entry : entries) {
          Matcher hit = entry.word().matcher(words);
          if (hit.find()) {
            found.add(
                "%s:%d: '%s', use: %s".formatted(file, i + 1, hit.group(), entry.replacement()));
          }
        }
      }
    }

    assertThat(entries).isNotEmpty();
    assertThat(found).isEmpty();
  }

  /** Splits identifiers into words. */
  private static String words(String line) {
    return line.replaceAll("([a-z0-9])([A-Z])", "$1 $2").replace('_', ' ');
  }

  private static List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (String root :
        List.of("README.md", "CONTRIBUTING.md", "docs", "deploy", "schemas", "src/main")) {
      try (Stream<Path> tree = Files.walk(Path.of(root))) {
        tree.filter(file -> Files.isRegularFile(file) && !file.startsWith(RELEASED))
            .filter(file -> TEXT.matcher(file.toString()).matches())
            .forEach(files::add);
      }
    }
    return files;
  }
}

package dev.headwater;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/** The list of dependencies is that of the jar. */
class DependenciesIT {
  private static final Path LIST = Path.of("docs/dependencies.md");
  private static final Pattern ROW =
      Pattern.compile("(?m)^\\| [\\w.-]+:([\\w.-]+) \\| ([\\w.-]+) \\| (.+) \\|$");

  @Test
  void everyDependencyIsListedWithItsLicenceAndNoOther() throws IOException {
    List<MatchResult> rows = ROW.matcher(Files.readString(LIST)).results().toList();
    List<String> listed = rows.stream().map(row -> row.group(1) + "-" + row.group(2)).toList();

    assertThat(jars())
        .as("see %s for the command that makes it anew", LIST)
        .allSatisfy(jar -> assertThat(listed).anyMatch(name -> isOf(jar, name)));
    assertThat(listed)
        .as("see %s for the command that makes it anew", LIST)
        .allSatisfy(name -> assertThat(jars()).anyMatch(jar -> isOf(jar, name)));
    assertThat(rows).extracting(row -> row.group(3)).noneMatch(l -> l.contains("Unknown"));
  }

  @Test
  void everyVersionThatIsManagedSaysWhyAndWhatIsKnownOfIt() throws Exception {
    XPath path = XPathFactory.newInstance().newXPath();
    Document pom =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new File("pom.xml"));
    NodeList managed =
        (NodeList) path.evaluate("//dependencyManagement//version", pom, XPathConstants.NODESET);
    List<String> rows =
        Files.readString(LIST)
            .split("## ")[1]
            .lines()
            .filter(line -> line.startsWith("|"))
            .skip(2)
            .toList();

    assertThat(managed.getLength()).isPositive();
    for (int i = 0; i < managed.getLength(); i++) {
      String property = managed.item(i).getTextContent().replaceAll("[${}]", "");
      String version = path.evaluate("/project/properties/*[name()='" + property + "']", pom);
      assertThat(version).as(property).isNotEmpty();
      assertThat(rows).as(property).anyMatch(row -> row.split(" \\| ")[2].contains(version));
    }
    assertThat(rows).allSatisfy(row -> assertThat(row.split("\\|")).hasSize(6));
  }

  /** A jar may have a classifier. */
  private static boolean isOf(String jar, String name) {
    return jar.equals(name + ".jar") || jar.startsWith(name + "-linux");
  }

  private static List<String> jars() throws IOException {
    try (JarFile jar = new JarFile("target/headwater.jar")) {
      String path = jar.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
      return Stream.of(path.split(" ")).map(entry -> entry.replace("lib/", "")).toList();
    }
  }
}

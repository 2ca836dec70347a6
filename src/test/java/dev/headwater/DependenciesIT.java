package dev.headwater;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
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
import java.util.stream.StreamSupport;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/**
 * The SBOM in the jar describes the class path of the jar, and the page every overridden version.
 */
class DependenciesIT {
  private static final Pattern PURL =
      Pattern.compile("pkg:maven/[^/]+/([^@]+)@([^?]+)\\?(?:classifier=([^&]+)&)?type=jar");

  @Test
  void theSbomListsTheClassPathWithALicenceForEachLibrary() throws IOException {
    try (JarFile jar = new JarFile("target/headwater.jar")) {
      JsonNode sbom =
          Json.MAPPER.readTree(
              jar.getInputStream(jar.getEntry("META-INF/sbom/application.cdx.json")));
      String path = jar.getManifest().getMainAttributes().getValue(Attributes.Name.CLASS_PATH);

      assertThat(sbom.path("bomFormat").asText()).isEqualTo("CycloneDX");
      assertThat(elements(sbom.path("components")).map(DependenciesIT::file))
          .containsExactlyInAnyOrder(path.split(" "));
      assertThat(elements(sbom.path("components"))).allSatisfy(DependenciesIT::hasALicence);
    }
  }

  @Test
  void thePageExplainsEveryManagedVersion() throws Exception {
    XPath path = XPathFactory.newInstance().newXPath();
    Document pom =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new File("pom.xml"));
    NodeList managed =
        (NodeList) path.evaluate("//dependencyManagement//version", pom, XPathConstants.NODESET);
    List<String> rows =
        Files.readAllLines(Path.of("docs/reference/dependencies.md")).stream()
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

  private static void hasALicence(JsonNode component) {
    assertThat(elements(component.path("licenses")))
        .as(component.path("purl").asText())
        .isNotEmpty()
        .allSatisfy(
            licence ->
                assertThat(
                        Stream.of("/expression", "/license/id", "/license/name")
                            .map(key -> licence.at(key).asText()))
                    .anySatisfy(name -> assertThat(name).isNotBlank())
                    .noneMatch(name -> name.contains("Unknown")));
  }

  private static String file(JsonNode component) {
    MatchResult purl =
        PURL.matcher(component.path("purl").asText()).results().findFirst().orElseThrow();
    String classifier = purl.group(3) == null ? "" : "-" + purl.group(3);
    return "lib/" + purl.group(1) + "-" + purl.group(2) + classifier + ".jar";
  }

  private static Stream<JsonNode> elements(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }
}

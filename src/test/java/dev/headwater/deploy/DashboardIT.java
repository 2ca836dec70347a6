package dev.headwater.deploy;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Dashboards held to the types of the Grafana that compose names, and to how it is set up there.
 */
class DashboardIT {
  private static final Path GRAFANA = Path.of("deploy/grafana");
  private static final Path SCHEMA = Tools.FOLDER.resolve("node_modules/@grafana/schema");

  @ParameterizedTest
  @ValueSource(strings = {"overview", "adaptation"})
  void areWhatGrafanasTypesAllow(String name) throws Exception {
    assertThat(errors(dashboard(name))).isEmpty();
    assertThat(compose().at("/services/grafana/image").asText())
        .as("the types are those of the Grafana that runs")
        .isEqualTo(
            "grafana/grafana:"
                + Json.MAPPER
                    .readTree(SCHEMA.resolve("package.json").toFile())
                    .path("version")
                    .asText());
  }

  @ParameterizedTest
  @CsvSource({
    "''",
    "/links/0",
    "/templating/list/0",
    "/annotations/list/0",
    "/annotations/list/0/target",
    "/panels/1",
    "/panels/1/gridPos",
    "/panels/1/options",
    "/panels/1/fieldConfig/defaults",
    "/panels/1/targets/0"
  })
  void aFieldThatGrafanaDoesNotKnowIsFound(String place) throws Exception {
    JsonNode dashboard = dashboard("overview");
    ((ObjectNode) dashboard.at(place)).put("planted", 1);

    assertThat(errors(dashboard)).contains("planted");
  }

  @Test
  void theirSourceIsTheOneThatIsProvisioned() throws Exception {
    JsonNode source = yaml(GRAFANA.resolve("provisioning/datasources/prometheus.yaml"));
    JsonNode provider = yaml(GRAFANA.resolve("provisioning/dashboards/headwater.yaml"));
    JsonNode grafana = compose().at("/services/grafana");
    String folder = provider.at("/providers/0/options/path").asText();

    for (String name : new String[] {"overview", "adaptation"}) {
      assertThat(dashboard(name).findValues("datasource"))
          .extracting(of -> of.path("uid").asText())
          .containsOnly(source.at("/datasources/0/uid").asText());
    }
    URI url = URI.create(source.at("/datasources/0/url").asText());
    assertThat(compose().at("/services").has(url.getHost())).as("%s", url).isTrue();
    assertThat(grafana.path("volumes"))
        .extracting(JsonNode::asText)
        .containsExactlyInAnyOrder(
            "./grafana/provisioning:/etc/grafana/provisioning:ro",
            "./grafana/dashboards:" + folder + ":ro");
    assertThat(grafana.at("/environment/GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH").asText())
        .isEqualTo(folder + "/overview.json");
  }

  private static String errors(JsonNode dashboard) throws Exception {
    try (InputStream types = DashboardIT.class.getResourceAsStream("dashboard.ts")) {
      String source = new String(Objects.requireNonNull(types).readAllBytes(), UTF_8);
      return Tools.typeErrors("dashboard.ts", source + dashboard.toPrettyString() + ";\n");
    }
  }

  private static JsonNode dashboard(String name) throws IOException {
    return Json.MAPPER.readTree(
        Files.readString(GRAFANA.resolve("dashboards").resolve(name + ".json")));
  }

  private static JsonNode compose() throws IOException {
    return yaml(Path.of("deploy/compose.yaml"));
  }

  private static JsonNode yaml(Path file) throws IOException {
    return new YAMLMapper().readTree(file.toFile());
  }
}

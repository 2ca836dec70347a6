package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The chart as helm renders it, held to Kubernetes' own types and to restricted pod security. */
class ChartIT {
  private static final String CHART = "deploy/helm/headwater";
  private static final String COMPONENT = "app.kubernetes.io/component";

  /** Heads signed by the trainer, whose key scorers do not hold. */
  private static final String[] SIGNED = {
    "--set-json", "config.heads={\"trusted-keys\":[\"/keys/head.pub\"]}",
    "--set-json", "extraVolumes=[{\"name\":\"keys\",\"configMap\":{\"name\":\"keys\"}}]",
    "--set-json", "extraVolumeMounts=[{\"name\":\"keys\",\"mountPath\":\"/keys\"}]",
    "--set-json", "trainer.extraVolumes=[{\"name\":\"sign\",\"secret\":{\"secretName\":\"sign\"}}]",
    "--set-json", "trainer.extraVolumeMounts=[{\"name\":\"sign\",\"mountPath\":\"/sign\"}]",
    "--set-json",
        "trainer.env=[{\"name\":\"HEADWATER_HEADS_SIGNING_KEY\",\"value\":\"/sign/head.key\"}]",
    "--set-json", "scorer.envFrom=[{\"secretRef\":{\"name\":\"scorer\"}}]",
    "--set-json", "trainer.envFrom=[{\"secretRef\":{\"name\":\"trainer\"}}]"
  };

  /** Everything that can be switched on. */
  private static final String[] FULL = {
    "--set", "bundle.image=models:1",
    "--set", "serviceMonitor.enabled=true",
    "--set", "trainer.gpus=1",
    "--set", "scorer.storage.storageClassName=fast",
    "--set", "scorer.nodeSelector.disk=ssd",
    "--set", "networkPolicy.brokers.ports={9093,9094}",
    "--set", "networkPolicy.brokers.cidrs={10.1.0.0/16}",
    "--set-json", "networkPolicy.egress=[{\"ports\":[{\"port\":8081}]}]",
    "--set-json", "trainer.tolerations=[{\"key\":\"nvidia.com/gpu\",\"operator\":\"Exists\"}]",
    "--set-json", "envFrom=[{\"secretRef\":{\"name\":\"broker\"}}]",
    "--set-json", "imagePullSecrets=[{\"name\":\"registry\"}]",
    "--set-json", "extraVolumes=[{\"name\":\"tls\",\"secret\":{\"secretName\":\"tls\"}}]",
    "--set-json", "extraVolumeMounts=[{\"name\":\"tls\",\"mountPath\":\"/tls\",\"readOnly\":true}]"
  };

  private static final String[] NO_TRAINER = {"--set", "trainer.enabled=false"};

  /** What may be switched on or off, each with all the others on or off. */
  private static final List<String[]> SWITCHES =
      List.of(
          new String[] {"--set", "bundle.image=models:1"}, // instead of the volume
          new String[] {"--set", "trainer.gpus=1"},
          new String[] {"--set", "networkPolicy.enabled=false"},
          new String[] {"--set", "serviceMonitor.enabled=true"},
          NO_TRAINER,
          SIGNED);

  /** Labels of every pod of the release that is rendered. */
  private static final String RELEASE =
      "{app.kubernetes.io/name: headwater, app.kubernetes.io/instance: x}";

  @TempDir Path directory;

  @Test
  void passesHelmsLinter() throws Exception {
    Tools.run("helm", "lint", "--strict", CHART, "--set", "bundle.image=models:1");
  }

  @Test
  void rendersWhatKubernetesTypesAllowWhateverIsSwitched() throws Exception {
    Set<JsonNode> objects = new LinkedHashSet<>(rendered(FULL));
    for (int on = 0; on < 1 << SWITCHES.size(); on++) {
      objects.addAll(rendered(switched(on)));
    }

    assertThat(objects)
        .extracting(object -> object.at("/kind").asText())
        .as("every kind that a template has")
        .containsAll(kinds())
        .hasSizeGreaterThan(kinds().size());
    assertThat(typeErrors(objects)).isEmpty();
  }

  @Test
  void aMistakeInAnyKindIsFound() throws Exception {
    List<JsonNode> objects = rendered(FULL);
    for (JsonNode object : objects) {
      JsonNode spec = object.path("spec");
      ((ObjectNode) (spec.isObject() ? spec : object)).put("planted", 1);
    }

    assertThat(typeErrors(objects).lines().filter(line -> line.contains("'\"planted\"'")))
        .hasSameSizeAs(objects);
    assertThat(typeErrors(rendered("--set", "bundle.image=m", "--set", "scorer.replicas=two")))
        .as("a number that is none")
        .contains("not assignable to type 'number'");
  }

  @Test
  void keepsPodsRestrictedWhateverIsSwitched() throws Exception {
    for (int on = 0; on < 1 << SWITCHES.size(); on++) {
      List<JsonNode> pods = pods(rendered(switched(on)));
      assertThat(pods).isNotEmpty();
      pods.forEach(ChartIT::assertRestricted);
    }
  }

  private static void assertRestricted(JsonNode pod) {
    assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
    assertThat(pod.at("/securityContext/seccompProfile/type").asText()).isEqualTo("RuntimeDefault");
    assertThat(pod.at("/automountServiceAccountToken").asBoolean(true)).isFalse();
    List<JsonNode> containers = list(pod.at("/containers"));
    containers.addAll(list(pod.at("/initContainers")));
    assertThat(containers).isNotEmpty();
    for (JsonNode container : containers) {
      JsonNode security = container.at("/securityContext");
      assertThat(security.at("/readOnlyRootFilesystem").asBoolean()).isTrue();
      assertThat(security.at("/allowPrivilegeEscalation").asBoolean(true)).isFalse();
      assertThat(security.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
    }
  }

  @Test
  void givesTheSigningKeyToTheTrainerAlone() throws Exception {
    List<JsonNode> objects = rendered(switched(1 << SWITCHES.indexOf(SIGNED)));
    JsonNode scorer = only(objects, "StatefulSet").at("/spec/template/spec");
    JsonNode trainer = only(objects, "Deployment").at("/spec/template/spec");

    assertThat(scorer.toString())
        .contains("\"keys\"", "{\"secretRef\":{\"name\":\"scorer\"}}")
        .doesNotContain("sign", "SIGNING", "{\"secretRef\":{\"name\":\"trainer\"}}");
    assertThat(trainer.toString())
        .contains("\"keys\"", "\"sign\"", "HEADWATER_HEADS_SIGNING_KEY")
        .contains("{\"secretRef\":{\"name\":\"trainer\"}}")
        .doesNotContain("{\"secretRef\":{\"name\":\"scorer\"}}");
  }

  @Test
  void givesScorersStableNamesAndVolumesAndTheTrainerOneReplica() throws Exception {
    List<JsonNode> objects = rendered(FULL);
    JsonNode scorer = only(objects, "StatefulSet");
    JsonNode trainer = only(objects, "Deployment");

    assertThat(scorer.at("/spec/volumeClaimTemplates/0/metadata/name").asText()).isEqualTo("state");
    assertThat(trainer.at("/spec/replicas").asInt()).isEqualTo(1);
    assertThat(trainer.at("/spec/strategy/type").asText()).isEqualTo("Recreate");
    assertThat(
            trainer
                .at("/spec/template/spec/containers/0/resources/limits")
                .path("nvidia.com/gpu")
                .asInt())
        .isEqualTo(1);
    assertThat(settings(objects, "x-scorer-0").kafka())
        .as("the pod's name is its membership")
        .containsEntry("group.instance.id", "x-scorer-0");
    assertThat(
            settings(
                    rendered(
                        "--set=bundle.image=models:1",
                        "--set=config.stream.group-protocol=streams"),
                    "x-scorer-0")
                .kafka())
        .as("a protocol without static members")
        .doesNotContainKey("group.instance.id")
        .containsKey("bootstrap.servers");
  }

  @Test
  void drainsBeforeItIsKilledAndIsDisruptedAScorerAtATime() throws Exception {
    List<JsonNode> objects = rendered(FULL);
    Duration close = settings(objects, "x-scorer-0").stream().closeTimeout();

    assertThat(only(objects, "PodDisruptionBudget").at("/spec/maxUnavailable").asInt())
        .isEqualTo(1);
    assertThat(pods(objects))
        .hasSize(2)
        .allSatisfy(
            pod ->
                assertThat(pod.path("terminationGracePeriodSeconds").asLong())
                    .isGreaterThan(close.toSeconds()));
  }

  @Test
  void tellsScorersWhereTheTrainersPageIs() throws Exception {
    List<JsonNode> objects = rendered(FULL);
    JsonNode service =
        objects.stream()
            .filter(object -> object.at("/kind").asText().equals("Service"))
            .filter(object -> object.at("/metadata/name").asText().contains("trainer"))
            .findFirst()
            .orElseThrow();

    assertThat(settings(objects, "x-scorer-0").trainerPage())
        .contains(
            URI.create(
                "http://%s:%d"
                    .formatted(
                        service.at("/metadata/name").asText(),
                        service.at("/spec/ports/0/port").asInt())));
    assertThat(
            settings(rendered(switched(1 << SWITCHES.indexOf(NO_TRAINER))), "x-scorer-0")
                .trainerPage())
        .isEmpty();
  }

  @Test
  void letsPodsConnectToNameServersBrokersAndEachOtherAlone() throws Exception {
    String always =
        """
        - {ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}
        - ports: [{port: http}]
          to: [{podSelector: {matchLabels: %s}}]
        """
            .formatted(RELEASE);
    JsonNode byDefault =
        only(rendered("--set", "bundle.image=models:1"), "NetworkPolicy").path("spec");

    assertThat(byDefault.path("policyTypes").toString()).isEqualTo("[\"Ingress\",\"Egress\"]");
    assertThat(byDefault.path("egress"))
        .isEqualTo(yaml(always + "- {ports: [{port: 9092, protocol: TCP}]}"));
    assertThat(byDefault.path("ingress"))
        .as("those who scrape, and each other, on the one port")
        .isEqualTo(
            yaml(
                """
                - from: [{namespaceSelector: {}}]
                  ports: [{port: http}]
                - from: [{podSelector: {matchLabels: %s}}]
                  ports: [{port: http}]
                """
                    .formatted(RELEASE)));
    assertThat(
            only(
                    rendered("--set=bundle.image=models:1", "--set-json=networkPolicy.scrapers=[]"),
                    "NetworkPolicy")
                .at("/spec/ingress"))
        .as("no scraper is nobody, not everybody")
        .isEqualTo(
            yaml(
                """
                - from: [{podSelector: {matchLabels: %s}}]
                  ports: [{port: http}]
                """
                    .formatted(RELEASE)));
    assertThat(only(rendered(FULL), "NetworkPolicy").at("/spec/egress"))
        .isEqualTo(
            yaml(
                always
                    + """
                    - ports: [{port: 9093, protocol: TCP}, {port: 9094, protocol: TCP}]
                      to: [{ipBlock: {cidr: 10.1.0.0/16}}]
                    - ports: [{port: 8081}]
                    """));
    assertThat(
            only(
                    rendered(
                        "--set=bundle.image=models:1", "--set-json=networkPolicy.brokers.ports=[]"),
                    "NetworkPolicy")
                .at("/spec/egress"))
        .as("no port is none, not all")
        .isEqualTo(yaml(always));
  }

  @Test
  void probesTheHealthOfTheProcessOnThePortThatItOpens() throws Exception {
    List<JsonNode> objects = rendered(FULL);
    Settings settings = settings(objects, "x-scorer-0");

    for (var part :
        Map.of("StatefulSet", settings.scorerHttp(), "Deployment", settings.trainerHttp())
            .entrySet()) {
      JsonNode container =
          only(objects, part.getKey()).at("/spec/template/spec/containers").path(0);
      assertThat(container.path("ports"))
          .isEqualTo(yaml("[{name: http, containerPort: %d}]".formatted(part.getValue().port())));
      for (String probe : List.of("startupProbe", "livenessProbe")) {
        assertThat(container.path(probe).path("httpGet"))
            .as(probe)
            .isEqualTo(yaml("{path: /health/live, port: http}"));
      }
      assertThat(container.at("/readinessProbe/httpGet"))
          .isEqualTo(yaml("{path: /health/ready, port: http}"));
    }
  }

  @Test
  void selectsThePodsOfEachPartAndNoOthers() throws Exception {
    List<JsonNode> objects = rendered(FULL);

    assertThat(objects)
        .filteredOn(object -> !object.at("/kind").asText().equals("ServiceMonitor"))
        .filteredOn(object -> object.path("spec").has("selector"))
        .hasSize(5)
        .allSatisfy(
            object ->
                assertThat(selected(objects, object.at("/spec/selector")))
                    .as("%s", object)
                    .containsExactly(object.at("/metadata/labels").path(COMPONENT).asText()));
    assertThat(selected(objects, only(objects, "NetworkPolicy").at("/spec/podSelector")))
        .containsExactlyInAnyOrder("scorer", "trainer");
    JsonNode monitor = only(objects, "ServiceMonitor").path("spec");
    assertThat(objects)
        .filteredOn(object -> object.at("/kind").asText().equals("Service"))
        .extracting(service -> service.at("/metadata/labels"))
        .allMatch(labels -> matches(monitor.path("selector"), labels))
        .extracting(labels -> labels.path(monitor.path("jobLabel").asText()).asText())
        .as("jobs by release, ending as the alerts go by")
        .containsExactlyInAnyOrder("x-scorer", "x-trainer");
  }

  /** The parts whose pods it selects. */
  private static List<String> selected(List<JsonNode> objects, JsonNode selector) {
    return objects.stream()
        .map(object -> object.at("/spec/template/metadata/labels"))
        .filter(labels -> matches(selector, labels))
        .map(labels -> labels.path(COMPONENT).asText())
        .toList();
  }

  private static boolean matches(JsonNode selector, JsonNode labels) {
    JsonNode wanted =
        selector.path("matchLabels").isObject() ? selector.path("matchLabels") : selector;
    return wanted.properties().stream()
        .allMatch(label -> label.getValue().equals(labels.path(label.getKey())));
  }

  private static JsonNode yaml(String text) throws IOException {
    return new YAMLMapper().readTree(text);
  }

  private Settings settings(List<JsonNode> objects, String pod) throws Exception {
    Path config =
        Files.writeString(
            directory.resolve("config.yaml"),
            only(objects, "ConfigMap").at("/data").path("config.yaml").asText());
    return SettingsLoader.load(config, Map.of("POD_NAME", pod), Map.of());
  }

  /**
   * @param on a bit for each of {@link #SWITCHES}
   */
  private static String[] switched(int on) {
    List<String> values = new ArrayList<>();
    values.add("--set=bundle.volume.persistentVolumeClaim.claimName=models");
    for (int i = 0; i < SWITCHES.size(); i++) {
      if ((on >> i & 1) == 1) {
        values.addAll(List.of(SWITCHES.get(i)));
      }
    }
    return values.toArray(String[]::new);
  }

  private static Set<String> kinds() throws IOException {
    Set<String> kinds = new TreeSet<>();
    try (Stream<Path> templates = Files.list(Path.of(CHART, "templates"))) {
      for (Path template : templates.toList()) {
        Files.readString(template)
            .lines()
            .filter(line -> line.startsWith("kind: "))
            .forEach(line -> kinds.add(line.substring("kind: ".length())));
      }
    }
    return kinds;
  }

  private static List<JsonNode> rendered(String... values) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("template", "x", CHART));
    arguments.addAll(List.of(values));
    String yaml = Tools.run("helm", arguments.toArray(String[]::new));
    return new YAMLMapper()
        .readerFor(JsonNode.class)
        .<JsonNode>readValues(new YAMLFactory().createParser(yaml))
        .readAll();
  }

  /** A program that says of each object that it is of its kind. */
  private static String typeErrors(Collection<JsonNode> objects) throws Exception {
    StringBuilder source = new StringBuilder();
    int i = 0;
    for (JsonNode object : objects) {
      String version = object.at("/apiVersion").asText();
      boolean operator = version.startsWith("monitoring.coreos.com/");
      source.append(
          """
          import { I%1$s as T%2$d } from "%3$s/%4$s";
          export const object%2$d: T%2$d = %5$s;
          """
              .formatted(
                  object.at("/kind").asText(),
                  i++,
                  operator ? "@kubernetes-models/prometheus-operator" : "kubernetes-models",
                  version,
                  object));
    }
    return Tools.typeErrors("chart.ts", source.toString());
  }

  private static List<JsonNode> pods(List<JsonNode> objects) {
    return objects.stream()
        .map(object -> object.at("/spec/template/spec"))
        .filter(JsonNode::isObject)
        .toList();
  }

  private static JsonNode only(List<JsonNode> objects, String kind) {
    List<JsonNode> found =
        objects.stream().filter(object -> object.at("/kind").asText().equals(kind)).toList();
    assertThat(found).as(kind).hasSize(1);
    return found.get(0);
  }

  private static List<JsonNode> list(JsonNode array) {
    return new ArrayList<>(StreamSupport.stream(array.spliterator(), false).toList());
  }
}
